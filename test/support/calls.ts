import fc from "fast-check";
import type { Call, Peer } from "../../core/access/decide";
import { isForeign } from "../../core/schema/intent";
import type { Intent } from "../../core/schema/schema";
import { anyIntents, goTogether } from "./arbitrary";

/** The ways in which a request for a path under /api has been made to look like one, or to lead elsewhere. */
export const bypasses = [
  ...["/apix", "/API/x", "/api/../admin", "/api/./x", "/api//x", "//api/x", "/api/%2e%2e/admin", "/api/..%2fadmin"],
  ...[
    "/api%2f..%2fadmin",
    "/api/%252e%252e/x",
    "/api/..;/admin",
    "/api;v=1/x",
    "/api/a%5c..%5cadmin",
    "/api\\..\\admin",
  ],
  ...["/api#/admin", "http://host/api", "/", "/admin?/api", "", "/.api", "/api/.hidden", "/api/x/..", "/%61pi"],
];
/** Paths that are /api or below it for everybody. */
export const harmless = [
  "/api",
  "/api/",
  "/api?x=1",
  "/api/?/../x",
  "/api/v1",
  "/api/v1/",
  "/api/v1/a.b~c_d-1?q=/../",
  "/api/v1?",
];

const peers: fc.Arbitrary<Peer> = fc.oneof(
  fc.record({ namespace: fc.constantFrom("xweb", "xshop", "x"), serviceAccount: fc.constantFrom("xa", "xb", "x") }),
  fc
    .record(
      {
        entities: fc.constantFrom<Peer & { entities: unknown }>(
          ...(["ingress", "kube-apiserver", "host", "world"] as const).map((entity) => ({ entities: [entity] })),
          { entities: ["kube-apiserver", "host"] },
          { entities: ["kube-apiserver", "world"] },
        ),
        address: fc.constantFrom(
          "10.2.3.4",
          "192.0.2.9",
          "192.0.3.9",
          "198.51.100.7",
          "2001:db8::1",
          "2001:db9::1",
          "::ffff:10.2.3.4",
        ),
      },
      { requiredKeys: ["entities"] },
    )
    .map(({ entities: { entities }, ...rest }) => ({ entities, ...rest }) as Peer),
);
/** Somebody whom a caller stands for; and, where callers of other trust domains are told, who has the same name in another one. */
function peersOf(caller: Intent["callers"][number], foreign: boolean): Peer[] {
  if ("entity" in caller) return [{ entities: [caller.entity] }];
  if ("cidr" in caller) return [{ entities: ["world"], address: caller.cidr.replace(/\/.*/, "") }];
  const { trustDomain, namespace } = caller;
  const own = { namespace, serviceAccount: caller.serviceAccount.replace("*", "xa") };
  const elsewhere = { ...own, trustDomain: "other.internal" };
  return foreign ? [own, elsewhere] : [trustDomain === undefined ? own : elsewhere];
}
const strange = fc
  .array(fc.constantFrom("/", ".", "..", "api", "v1", "a.b", "%2e", "%2F", ";", "?", "#", "\\", "*", "~"), {
    maxLength: 7,
  })
  .map((parts) => `/${parts.join("")}`);
const requests = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST", "get", "DELETE"),
  path: fc.oneof(fc.constantFrom(...bypasses, ...harmless, "/a.b", "/axb", "/.well-known/x", "/healthz"), strange),
});
const namesForeigners = ({ callers }: Intent) => callers.some(isForeign);
/** Calls of which many are about what the intents are about. */
export const calls = (intents: readonly Intent[]) =>
  fc.record(
    {
      from: fc.oneof(
        peers,
        fc.constantFrom(
          ...intents.flatMap(({ callers }) =>
            callers.flatMap((caller) => peersOf(caller, intents.some(namesForeigners))),
          ),
        ),
      ),
      to: fc.record({
        namespace: fc.constant(intents[0]?.target.namespace ?? "x"),
        labels: fc.oneof(
          { weight: 2, arbitrary: fc.constantFrom(...intents.map(({ target }) => target.selector)) },
          fc.dictionary(fc.constantFrom("app", "tier", "app.kubernetes.io/name"), fc.constantFrom("a", "b")),
        ),
      }),
      port: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...intents.map(({ port }) => port)) }, fc.constant(80)),
      http: requests,
    },
    { requiredKeys: ["from", "to", "port"] },
  ) as fc.Arbitrary<Call>;
/** Intents that meet on one target and port, half of the time. */
export const meeting = fc
  .tuple(
    anyIntents(["xshop"]).filter(({ length }) => length > 0),
    fc.boolean(),
  )
  .map(([intents, meet]) => {
    const [first] = intents;
    return meet && first ? intents.map((intent) => ({ ...intent, target: first.target, port: first.port })) : intents;
  });

/** Workloads in the place of callers that no such mesh knows: those of other trust domains are among them. */
const strangers = {
  ingress: { namespace: "xweb", serviceAccount: "xa" },
  "kube-apiserver": { trustDomain: "other.internal", namespace: "xweb", serviceAccount: "xa" },
  host: { trustDomain: "other.internal", namespace: "xshop", serviceAccount: "*" },
  world: { trustDomain: "third.internal", namespace: "xweb", serviceAccount: "xa" },
} as const;
/** The same for a mesh that knows callers by certificates and addresses alone; of intents that do not go together, the first. */
export const meshIntents = meeting.map((intents) =>
  intents
    .map(({ callers, ...intent }) => ({
      ...intent,
      callers: callers.map((caller) => {
        if ("entity" in caller) return strangers[caller.entity];
        if ("cidr" in caller) return caller;
        return { namespace: caller.namespace, serviceAccount: caller.serviceAccount };
      }),
    }))
    .reduce<Intent[]>(
      (kept, intent) => (kept.every((other) => goTogether(other, intent)) ? [...kept, intent] : kept),
      [],
    ),
);
