import { evidence } from "../../core/schema/versions";

const names: Readonly<Record<keyof typeof evidence, string>> = {
  kubernetes: "Kubernetes",
  cilium: "Cilium",
  spire: "SPIRE",
};
const remarks: Readonly<Record<string, string>> = {
  "kubernetes 1.33": "the first that lets the SPIRE agent do without `nodes/proxy` (KEP-2862)",
  "cilium 1.20": "mutual authentication is deprecated, and to be removed in 1.21 (cilium#47132)",
  "spire 1.13": "the first whose agents start again from the published bundle (`rebootstrap_mode`)",
  "spire 1.15": "not 1.15.2, which loses new entries (spire#7198); 1.15.3 is deployed by default",
};

/** The page docs/versions.md. */
export function versionsPage(): string {
  const rows = (Object.keys(evidence) as (keyof typeof evidence)[]).flatMap((product) =>
    Object.entries(evidence[product]).map(
      ([minor, found]) => `| ${names[product]} ${minor} | ${found} | ${remarks[`${product} ${minor}`] ?? ""} |`,
    ),
  );
  return [
    "# Versions",
    "",
    "Written by `npm run render` from [`core/schema/versions.ts`](../core/schema/versions.ts). The configuration takes these and no others, but while `auth` is off it takes any:",
    "a cluster that was upgraded beyond them must still be able to turn authentication off.",
    "",
    "- **rendered**: what this program writes for it is checked against published schemas, and nothing more",
    "- **validated**: by its own programs: its API server, its chart, its `validate` command",
    "- **run**: its own programs ran with it",
    "",
    "[proof.md](proof.md) says what was run and how. What is marked run also ran on real nodes under load, together: Kubernetes 1.36, Cilium 1.19 and SPIRE 1.13.",
    "",
    "| version | evidence | to know |",
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
