import { minorNumberOf } from "../../../core/schema/versions";
import { hasContainers, imagesOf, type ContainerImage } from "../../rules/images";
import type { Facts } from "../../facts/facts";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire } from "../../rules/spireConfiguration";

export const versionSkew: Guardrail = {
  name: "version-skew",
  description:
    "SPIRE's versions work with each other and with what was deployed, and are none that is known to be broken.",
  severity: "mandatory",
  prevents:
    "Identities that stop being issued: SPIRE supports agents no newer than the server and one minor version back, one minor step at a time (SPIRE doc/upgrading.md), and 1.15.2 loses new entries (spire#7198).",
  remediation: "Upgrade SPIRE one minor version at a time, server and agents together, by spire.version; skip 1.15.2.",
  blocksOff: false,
  reads: (object) => ["StatefulSet", "Deployment", "DaemonSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: (facts) => [...skew(facts), ...steps(facts)],
  undecided: ({ previous }) =>
    previous === "unknown" ? "the step from the deployed SPIRE: there is no deployed state to compare with" : undefined,
};

interface Version {
  readonly text: string;
  readonly minor: number;
  readonly patch: number;
  readonly image: ContainerImage;
}

const broken: readonly string[] = ["1.15.2"];

/** Versions of the images whose repository ends in the given name. SPIRE has had the major version 1 since 2021. */
function versionsOf({ objects }: Facts, repository: string): Version[] {
  return objects
    .filter((object) => hasContainers(object) && mayBeSpire(object))
    .flatMap(imagesOf)
    .filter(({ parts }) => parts?.repository.endsWith(`/${repository}`))
    .flatMap((image) => {
      const [text, minor, patch] = /^1\.(\d+)\.(\d+)/.exec(image.parts?.tag ?? "") ?? [];
      return text === undefined ? [] : [{ text, minor: Number(minor), patch: Number(patch), image }];
    });
}

function skew(facts: Facts): Violation[] {
  const [servers, agents] = [versionsOf(facts, "spire-server"), versionsOf(facts, "spire-agent")];
  const at = ({ image }: Version, message: string) => inObject(image.object, image.where, message);
  return [
    ...[...servers, ...agents]
      .filter(({ text }) => broken.includes(text))
      .map((version) => at(version, `is ${version.text}, which stops issuing identities; write another version`)),
    ...agents.flatMap((agent) =>
      servers.flatMap((server) => {
        if (agent.minor > server.minor || (agent.minor === server.minor && agent.patch > server.patch))
          return [at(agent, `is ${agent.text}, newer than the server's ${server.text}; write ${server.text}`)];
        if (agent.minor < server.minor - 1)
          return [at(agent, `is ${agent.text}, more than one minor version behind the server's ${server.text}`)];
        return [];
      }),
    ),
  ];
}

/** The step from the version that the last update recorded. */
function steps({ config, previous }: Facts): Violation[] {
  const before = previous === "unknown" ? undefined : previous.state?.spire;
  if (before === undefined || config.spire.install !== "managed") return [];
  const [from, to] = [minorNumberOf(before), minorNumberOf(config.spire.version)];
  if (Math.abs(to - from) <= 1) return [];
  const message = `is ${config.spire.version}, but ${before} is deployed; go one minor version at a time, first to 1.${from + Math.sign(to - from)}`;
  return [{ where: "zero-trust:spire.version", message }];
}
