import { isIP } from "node:net";
import { isSet, when, type Refusal } from "../refusal";
import { listOf, numberOf, recordOf, textOf } from "../values";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The rules of istiod's webhook for an AuthorizationPolicy, which its CRD has not all of (istio 1.31, pkg/config/validation/validation.go, ValidateAuthorizationPolicy). Left
 * out: templates in paths, which attributes a condition may name, and what istiod only warns of.
 *
 * @param spec of the policy, of any shape
 */
export function refusedOfAuthorizationPolicy(spec: unknown): Refusal[] {
  const fields = recordOf(spec);
  const { action = "ALLOW", rules, provider } = fields;
  return [
    ...oneTarget(fields),
    ...selector(fields["selector"]),
    ...when(
      ["DENY", "CUSTOM"].includes(textOf(action)) && !isSet(rules),
      "spec.rules",
      `is missing, and without rules ${textOf(action)} is never triggered; write [{}] for every request`,
    ),
    ...when(
      action === "CUSTOM" && isSet(rules) && !isSet(recordOf(provider)["name"]),
      "spec.provider.name",
      "is missing; write it",
    ),
    ...when(
      action !== "CUSTOM" && isSet(provider),
      "spec.provider",
      `is for CUSTOM alone, and the action is ${textOf(action)}; remove it`,
    ),
    ...listOf(rules).flatMap((rule, i) => refusedOfRule(recordOf(rule), `spec.rules[${i}]`, action === "CUSTOM")),
  ];
}

/** Names of lists in a source that say who calls, which CUSTOM does not know. */
const identities = [
  "principals",
  "notPrincipals",
  "namespaces",
  "notNamespaces",
  "serviceAccounts",
  "notServiceAccounts",
];
const requests = ["requestPrincipals", "notRequestPrincipals"];
const addresses = ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"];
const ports = ["ports", "notPorts"];
const http = ["methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"];

function refusedOfRule({ from, to, when: conditions }: Fields, at: string, custom: boolean): Refusal[] {
  const empty = (value: unknown, name: string) =>
    when(
      Array.isArray(value) && value.length === 0,
      `${at}.${name}`,
      "is empty; leave it out, or write what it is to have",
    );
  return [
    ...empty(from, "from"),
    ...listOf(from).flatMap((entry, j) =>
      refusedOfSource(recordOf(entry)["source"], `${at}.from[${j}].source`, custom),
    ),
    ...empty(to, "to"),
    ...listOf(to).flatMap((entry, j) => refusedOfOperation(recordOf(entry)["operation"], `${at}.to[${j}].operation`)),
    ...listOf(conditions)
      .map(recordOf)
      .flatMap(({ key, values, notValues }, j) => [
        ...when(!isSet(key) || key === "", `${at}.when[${j}].key`, "is missing; write it"),
        ...when(
          isSet(key) && key !== "" && listOf(values).length + listOf(notValues).length === 0,
          `${at}.when[${j}]`,
          "has neither values nor notValues; write one of them",
        ),
        ...when(
          custom && /^(source\.(namespace|serviceAccount|principal)$|request\.auth\.)/.test(textOf(key)),
          `${at}.when[${j}].key`,
          `is ${textOf(key)}, which CUSTOM does not know; remove it`,
        ),
      ]),
  ];
}

function refusedOfSource(value: unknown, at: string, custom: boolean): Refusal[] {
  const source = recordOf(value);
  const names = (of: readonly string[]) => of.filter((name) => listOf(source[name]).length > 0);
  const all = [...identities, ...requests, ...addresses];
  return [
    ...nothing(value, names(all), at),
    ...when(
      names(["principals", "notPrincipals", "namespaces", "notNamespaces"]).length > 0 &&
        names(["serviceAccounts", "notServiceAccounts"]).length > 0,
      at,
      "has serviceAccounts beside principals or namespaces; write one of the two",
    ),
    ...(custom ? names([...identities, ...requests]) : []).map((name) => ({
      path: `${at}.${name}`,
      message: "is nothing that CUSTOM knows; remove it",
    })),
    ...all.flatMap((name) => emptyTexts(source[name], `${at}.${name}`)),
    ...addresses.flatMap((name) =>
      listOf(source[name]).flatMap((block, i) =>
        when(
          block !== "" && !isBlock(textOf(block)),
          `${at}.${name}[${i}]`,
          `is ${textOf(block)}; write an address, or one with a prefix length`,
        ),
      ),
    ),
  ];
}

function refusedOfOperation(value: unknown, at: string): Refusal[] {
  const operation = recordOf(value);
  const all = [...ports, ...http];
  return [
    ...nothing(
      value,
      all.filter((name) => listOf(operation[name]).length > 0),
      at,
    ),
    ...all.flatMap((name) => emptyTexts(operation[name], `${at}.${name}`)),
    ...ports.flatMap((name) =>
      listOf(operation[name]).flatMap((port, i) =>
        when(
          port !== "" && !isPort(port),
          `${at}.${name}[${i}]`,
          `is ${textOf(port)}; write a number from 1 to 65535, in quotes`,
        ),
      ),
    ),
  ];
}

const nothing = (value: unknown, names: readonly string[], at: string): Refusal[] =>
  when(!isSet(value) || names.length === 0, at, "is empty; write what it is to have, or leave its entry out");

const emptyTexts = (values: unknown, at: string): Refusal[] =>
  listOf(values).flatMap((value, i) => when(value === "", `${at}[${i}]`, "is empty; write it, or remove it"));

const isPort = (port: unknown) => Number.isInteger(numberOf(port)) && numberOf(port) > 0 && numberOf(port) <= 65_535;

/** An address, or a network. */
export function isBlock(text: string): boolean {
  const [address = "", length, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return length === undefined || (/^\d+$/.test(length) && Number(length) <= (version === 4 ? 32 : 128));
}

/** ValidatePeerAuthentication. */
export function refusedOfPeerAuthentication(spec: unknown): Refusal[] {
  const fields = recordOf(spec);
  const { portLevelMtls } = fields;
  const named = Object.keys(recordOf(portLevelMtls));
  const selected = Object.keys(recordOf(recordOf(fields["selector"])["matchLabels"])).length > 0;
  return [
    ...selector(fields["selector"]),
    ...when(
      named.length > 0 && !selected,
      "spec.portLevelMtls",
      "is for the ports of a workload; write a selector with labels beside it",
    ),
    ...when(isSet(portLevelMtls) && named.length === 0, "spec.portLevelMtls", "is empty; leave it out"),
    ...named.flatMap((port) =>
      when(!isPort(port), `spec.portLevelMtls.${port}`, "is no port; write a number from 1 to 65535"),
    ),
  ];
}

/** validateOneOfSelectorType */
function oneTarget(fields: Fields): Refusal[] {
  const given = ["selector", "targetRef", "targetRefs"].filter((name) =>
    name === "targetRefs" ? listOf(fields[name]).length > 0 : isSet(fields[name]),
  );
  return when(given.length > 1, "spec", `has ${given.join(" and ")}; write one of them`);
}

/** validateWorkloadSelector */
const selector = (value: unknown): Refusal[] =>
  Object.entries(recordOf(recordOf(value)["matchLabels"])).flatMap(([key, label]) => [
    ...when(key === "", "spec.selector.matchLabels", "has an empty key; remove it"),
    ...when(
      key.includes("*") || textOf(label).includes("*"),
      "spec.selector.matchLabels",
      `has ${key}: ${textOf(label)}, and knows no *; write labels as they are`,
    ),
  ]);
