import { recordOf, textOf } from "../values";
import { given, isSet, required, secretKey, when, type Refusal } from "../refusal";

type Fields = Readonly<Record<string, unknown>>;
type Rule = (fields: Fields, path: string) => Refusal[];

/** Each provider in the order in which the webhook reads them. The first counts; acmeDNS alone may stand beside others. */
const providers: readonly (readonly [key: string, refused: Rule])[] = [
  ["akamai", akamai],
  ["azureDNS", azure],
  ["cloudDNS", google],
  ["cloudflare", cloudflare],
  ["route53", route53],
  [
    "acmeDNS",
    (fields, path) => [
      ...secretKey(fields["accountSecretRef"], `${path}.accountSecretRef`),
      ...required(fields["host"], `${path}.host`),
    ],
  ],
  ["digitalocean", (fields, path) => secretKey(fields["tokenSecretRef"], `${path}.tokenSecretRef`)],
  ["rfc2136", rfc2136],
  ["webhook", (fields, path) => required(fields["solverName"], `${path}.solverName`)],
];

/** The rules of cert-manager's webhook for a DNS-01 solver (cert-manager v1.21.2, internal/apis/certmanager/validation/issuer.go, ValidateACMEChallengeSolverDNS01). */
export function refusedOfDns01(fields: Fields, path: string): Refusal[] {
  const { cnameStrategy } = fields;
  const found = providers.filter(([key]) => isSet(fields[key]));
  return [
    ...when(
      given(cnameStrategy) && cnameStrategy !== "None" && cnameStrategy !== "Follow",
      `${path}.cnameStrategy`,
      `is ${textOf(cnameStrategy)}; write None or Follow`,
    ),
    ...found.flatMap(([key, refused], i) =>
      i === 0 || key === "acmeDNS"
        ? refused(recordOf(fields[key]), `${path}.${key}`)
        : [{ path: `${path}.${key}`, message: `is beside ${found[0]?.[0]}; write a solver for each` }],
    ),
    ...when(found.length === 0, path, "has no provider; write one"),
  ];
}

function akamai(fields: Fields, path: string): Refusal[] {
  return [
    ...["accessTokenSecretRef", "clientSecretSecretRef", "clientTokenSecretRef"].flatMap((key) =>
      secretKey(fields[key], `${path}.${key}`),
    ),
    ...required(fields["serviceConsumerDomain"], `${path}.serviceConsumerDomain`),
  ];
}

const clouds = ["AzurePublicCloud", "AzureChinaCloud", "AzureGermanCloud", "AzureUSGovernmentCloud"];

function azure(fields: Fields, path: string): Refusal[] {
  const { clientID, tenantID, clientSecretSecretRef, managedIdentity, environment } = fields;
  const managed = recordOf(managedIdentity);
  const byClient = given(clientID) || given(tenantID) || isSet(clientSecretSecretRef);
  const at = `${path}.managedIdentity`;
  return [
    ...(byClient
      ? [
          ...required(clientID, `${path}.clientID`),
          ...(isSet(clientSecretSecretRef)
            ? secretKey(clientSecretSecretRef, `${path}.clientSecretSecretRef`)
            : [{ path: `${path}.clientSecretSecretRef`, message: "is missing; write it" }]),
          ...required(tenantID, `${path}.tenantID`),
          ...when(isSet(managedIdentity), at, "is beside clientID, clientSecretSecretRef or tenantID; write one way"),
        ]
      : [
          ...when(
            given(managed["clientID"]) && given(managed["resourceID"]),
            at,
            "has clientID and resourceID; write one",
          ),
          ...when(
            given(managed["tenantID"]) && given(managed["resourceID"]),
            at,
            "has tenantID and resourceID; write one",
          ),
          ...when(
            given(managed["tenantID"]) && !given(managed["clientID"]),
            at,
            "has a tenantID without its clientID; write it",
          ),
        ]),
    ...required(fields["subscriptionID"], `${path}.subscriptionID`),
    ...required(fields["resourceGroupName"], `${path}.resourceGroupName`),
    ...when(
      given(environment) && !clouds.includes(textOf(environment)),
      `${path}.environment`,
      `is ${textOf(environment)}; write one of ${clouds.join(", ")}`,
    ),
  ];
}

function google({ serviceAccountSecretRef, project }: Fields, path: string): Refusal[] {
  return [
    ...(isSet(serviceAccountSecretRef) ? secretKey(serviceAccountSecretRef, `${path}.serviceAccountSecretRef`) : []),
    ...required(project, `${path}.project`),
  ];
}

function cloudflare({ apiKeySecretRef, apiTokenSecretRef, email }: Fields, path: string): Refusal[] {
  return [
    ...(isSet(apiKeySecretRef) ? secretKey(apiKeySecretRef, `${path}.apiKeySecretRef`) : []),
    ...(isSet(apiTokenSecretRef) ? secretKey(apiTokenSecretRef, `${path}.apiTokenSecretRef`) : []),
    ...when(
      isSet(apiKeySecretRef) === isSet(apiTokenSecretRef),
      path,
      "wants one of apiTokenSecretRef and apiKeySecretRef",
    ),
    ...when(isSet(apiKeySecretRef) && !given(email), `${path}.email`, "is missing beside apiKeySecretRef; write it"),
  ];
}

function route53({ accessKeyID, accessKeyIDSecretRef }: Fields, path: string): Refusal[] {
  return [
    ...when(
      given(accessKeyID) && isSet(accessKeyIDSecretRef),
      path,
      "has accessKeyID and accessKeyIDSecretRef; write neither, and auth.kubernetes",
    ),
    ...(isSet(accessKeyIDSecretRef) ? secretKey(accessKeyIDSecretRef, `${path}.accessKeyIDSecretRef`) : []),
  ];
}

function rfc2136({ nameserver, tsigAlgorithm, tsigSecretSecretRef, tsigKeyName }: Fields, path: string): Refusal[] {
  const algorithms = ["HMACMD5", "HMACSHA1", "HMACSHA256", "HMACSHA512"];
  const secret = secretKey(tsigSecretSecretRef, `${path}.tsigSecretSecretRef`);
  return [
    ...(given(nameserver)
      ? when(
          !isNameserver(nameserver),
          `${path}.nameserver`,
          `is ${nameserver}; write <host>:<port>, an IPv6 address in brackets`,
        )
      : required(nameserver, `${path}.nameserver`)),
    ...when(
      given(tsigAlgorithm) && !algorithms.includes(textOf(tsigAlgorithm).toUpperCase()),
      `${path}.tsigAlgorithm`,
      `is ${textOf(tsigAlgorithm)}; write one of ${algorithms.join(", ")}`,
    ),
    ...(given(tsigKeyName) ? secret : []),
    ...when(
      secret.length === 0 && !given(tsigKeyName),
      `${path}.tsigKeyName`,
      "is missing beside tsigSecretSecretRef; write it",
    ),
  ];
}

/** Go's net.SplitHostPort, with the port left to 53 where there is none (validation/util/nameserver.go). */
function isNameserver(text: string): boolean {
  const trimmed = text.trim();
  const bracketed = /^\[([^[\]]*)\](:[^:[\]]*)?$/.exec(trimmed);
  if (bracketed) return bracketed[1] !== "";
  return /^[^:[\]]+(:[^:[\]]*)?$/.test(trimmed);
}
