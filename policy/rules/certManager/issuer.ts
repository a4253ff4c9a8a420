import { seconds } from "../../../core/util/duration";
import { listOf, recordOf, textOf } from "../values";
import { subdomain } from "./certificate";
import { refusedOfDns01 } from "./dns01";
import { given, isSet, required, secretKey, when, type Refusal } from "../refusal";

type Fields = Readonly<Record<string, unknown>>;

/** Each type of issuer, in the order in which the webhook reads them: the first counts, and any other is one too many. */
const types: readonly (readonly [key: string, refused: (fields: Fields, path: string) => Refusal[]])[] = [
  ["acme", acme],
  ["ca", ca],
  ["selfSigned", () => []],
  ["vault", vault],
  ["venafi", venafi],
];

/**
 * The rules of cert-manager's webhook for an Issuer or ClusterIssuer, which its CRDs have not (cert-manager v1.21.2, internal/apis/certmanager/validation/issuer.go,
 * ValidateIssuerConfig). Left out: whether a CA bundle holds certificates.
 *
 * @param spec of the issuer, of any shape
 */
export function refusedOfIssuer(spec: unknown): Refusal[] {
  const fields = recordOf(spec);
  const [first, ...others] = types.filter(([key]) => isSet(fields[key]));
  if (!first) return [{ path: "spec", message: "has no issuer; write one of acme, ca, selfSigned, vault, venafi" }];
  const [key, refused] = first;
  return [
    ...refused(recordOf(fields[key]), `spec.${key}`),
    ...others.map(([other]) => ({ path: `spec.${other}`, message: `is beside ${key}; write one of them` })),
  ];
}

function acme(
  { caBundle, skipTLSVerify, privateKeySecretRef, server, externalAccountBinding, solvers }: Fields,
  path: string,
): Refusal[] {
  const binding = recordOf(externalAccountBinding);
  return [
    ...(given(caBundle) && skipTLSVerify === true
      ? ["caBundle", "skipTLSVerify"].map((key) => ({
          path: `${path}.${key}`,
          message: "is beside the other of caBundle and skipTLSVerify; remove skipTLSVerify",
        }))
      : []),
    ...required(recordOf(privateKeySecretRef)["name"], `${path}.privateKeySecretRef.name`),
    ...required(server, `${path}.server`),
    ...(isSet(externalAccountBinding)
      ? [
          ...required(binding["keyID"], `${path}.externalAccountBinding.keyID`),
          ...secretKey(binding["keySecretRef"], `${path}.externalAccountBinding.keySecretRef`),
        ]
      : []),
    ...listOf(solvers).flatMap((value, i) => solver(recordOf(value), `${path}.solvers[${i}]`)),
  ];
}

/** ValidateACMEIssuerChallengeSolverConfig */
function solver({ http01, dns01, waitInsteadOfSelfCheck }: Fields, path: string): Refusal[] {
  return [
    ...(isSet(http01) ? refusedOfHttp01(recordOf(http01), `${path}.http01`) : []),
    ...(isSet(dns01) && !isSet(http01) ? refusedOfDns01(recordOf(dns01), `${path}.dns01`) : []),
    ...when(isSet(http01) && isSet(dns01), path, "has http01 and dns01; write a solver for each"),
    ...when(!isSet(http01) && !isSet(dns01), path, "has no way to solve anything; write http01 or dns01"),
    ...when(
      (seconds(waitInsteadOfSelfCheck) ?? 0) < 0,
      `${path}.waitInsteadOfSelfCheck`,
      `is ${textOf(waitInsteadOfSelfCheck)}; write 0s or longer`,
    ),
  ];
}

/** ValidateACMEIssuerChallengeSolverHTTP01Config, and those of Ingress and Gateway */
function refusedOfHttp01({ ingress, gatewayHTTPRoute }: Fields, path: string): Refusal[] {
  const { class: ofClass, ingressClassName, name, serviceType } = recordOf(ingress);
  const gateway = recordOf(gatewayHTTPRoute);
  const ways = [isSet(ofClass), isSet(ingressClassName), given(name)].filter((way) => way).length;
  const parents = listOf(gateway["parentRefs"]).map(recordOf);
  const nameless = parents.findIndex((parent) => !given(parent["name"]));
  return [
    ...when(ways > 1, `${path}.ingress`, "has several of ingressClassName, class and name; write one"),
    ...when(
      isSet(ingressClassName) && !(typeof ingressClassName === "string" && subdomain.test(ingressClassName)),
      `${path}.ingress.ingressClassName`,
      `is ${textOf(ingressClassName)}, no name of an IngressClass; write class for what is none`,
    ),
    ...serviceTypeOf(serviceType, `${path}.ingress`),
    ...serviceTypeOf(gateway["serviceType"], `${path}.gatewayHTTPRoute`),
    // Of the kind that the CRD fills in.
    ...when(nameless >= 0, `${path}.gatewayHTTPRoute.parentRefs[${nameless}].name`, "is missing; write it"),
    ...when(isSet(ingress) === isSet(gatewayHTTPRoute), path, "wants one of ingress and gatewayHTTPRoute"),
  ];
}

const serviceTypeOf = (type: unknown, path: string): Refusal[] =>
  when(
    given(type) && type !== "ClusterIP" && type !== "NodePort",
    `${path}.serviceType`,
    `is ${textOf(type)}; write ClusterIP or NodePort`,
  );

/** ValidateCAIssuerConfig */
function ca({ secretName, ocspServers, issuingCertificateURLs }: Fields, path: string): Refusal[] {
  const empty = (key: string, list: unknown) =>
    listOf(list).flatMap((url, i) => when(!given(url), `${path}.${key}[${i}]`, "is empty; write a URL"));
  return [
    ...required(secretName, `${path}.secretName`),
    ...empty("ocspServers", ocspServers),
    ...empty("issuingCertificateURLs", issuingCertificateURLs),
  ];
}

const hasUpwards = (path: unknown) => given(path) && path.split("/").includes("..");
const upwards = (value: unknown, path: string) =>
  when(hasUpwards(value), path, `is ${textOf(value)}; write it without ..`);

/** ValidateVaultIssuerConfig and ValidateVaultIssuerAuth */
function vault(fields: Fields, path: string): Refusal[] {
  const { server, path: sign, caBundle, caBundleSecretRef, clientCertSecretRef, clientKeySecretRef } = fields;
  const both = given(caBundle) && isSet(caBundleSecretRef);
  return [
    ...required(server, `${path}.server`),
    ...required(sign, `${path}.path`),
    ...upwards(sign, `${path}.path`),
    ...(both
      ? ["caBundle", "caBundleSecretRef"].map((key) => ({
          path: `${path}.${key}`,
          message: "is beside the other of caBundle and caBundleSecretRef; write one",
        }))
      : []),
    ...when(
      isSet(clientCertSecretRef) && !isSet(clientKeySecretRef),
      `${path}.clientKeySecretRef`,
      "is missing beside clientCertSecretRef; write it",
    ),
    ...when(
      !isSet(clientCertSecretRef) && isSet(clientKeySecretRef),
      `${path}.clientCertSecretRef`,
      "is missing beside clientKeySecretRef; write it",
    ),
    ...vaultAuth(recordOf(fields["auth"]), `${path}.auth`),
  ];
}

function vaultAuth({ tokenSecretRef, appRole, clientCertificate, kubernetes, aws }: Fields, path: string): Refusal[] {
  const role = recordOf(appRole);
  const account = recordOf(kubernetes);
  const cloud = recordOf(aws);
  const accountRef = recordOf(account["serviceAccountRef"]);
  const ways = [given(recordOf(account["secretRef"])["name"]), isSet(account["serviceAccountRef"])];
  return [
    ...(isSet(appRole)
      ? [
          ...required(role["roleId"], `${path}.appRole.roleId`),
          ...required(recordOf(role["secretRef"])["name"], `${path}.appRole.secretRef.name`),
          ...upwards(role["path"], `${path}.appRole.path`),
        ]
      : []),
    ...upwards(recordOf(clientCertificate)["mountPath"], `${path}.clientCertificate.mountPath`),
    ...(isSet(kubernetes)
      ? [
          ...required(account["role"], `${path}.kubernetes.role`),
          ...upwards(account["mountPath"], `${path}.kubernetes.mountPath`),
          ...(isSet(account["serviceAccountRef"])
            ? required(accountRef["name"], `${path}.kubernetes.serviceAccountRef.name`)
            : []),
          ...when(
            ways[0] === ways[1],
            `${path}.kubernetes`,
            "wants one of serviceAccountRef and secretRef; write serviceAccountRef",
          ),
        ]
      : []),
    ...(isSet(aws)
      ? [
          ...required(cloud["role"], `${path}.aws.role`),
          ...upwards(cloud["mountPath"], `${path}.aws.mountPath`),
          ...(isSet(cloud["serviceAccountRef"])
            ? [
                ...required(recordOf(cloud["serviceAccountRef"])["name"], `${path}.aws.serviceAccountRef.name`),
                ...required(cloud["iamRoleArn"], `${path}.aws.iamRoleArn`),
              ]
            : []),
        ]
      : []),
    ...when(
      ![tokenSecretRef, appRole, clientCertificate, kubernetes, aws].some(isSet),
      path,
      "has no way to authenticate; write kubernetes",
    ),
  ];
}

/** ValidateVenafiIssuerConfig */
function venafi({ zone, tpp, cloud, ngts }: Fields, path: string): Refusal[] {
  const { url, caBundle, caBundleSecretRef } = recordOf(tpp);
  const { tsgID, credentialsRef } = recordOf(ngts);
  const ways = [tpp, cloud, ngts].filter(isSet).length;
  return [
    ...required(zone, `${path}.zone`),
    ...(isSet(tpp)
      ? [
          ...required(url, `${path}.tpp.url`),
          ...when(
            given(caBundle) && isSet(caBundleSecretRef),
            `${path}.tpp`,
            "has caBundle and caBundleSecretRef; write one",
          ),
        ]
      : []),
    ...(isSet(ngts)
      ? [
          ...required(tsgID, `${path}.ngts.tsgID`),
          ...required(recordOf(credentialsRef)["name"], `${path}.ngts.credentialsRef.name`),
        ]
      : []),
    ...when(ways !== 1, path, "wants one of tpp, cloud, ngts"),
  ];
}
