import { owned, type KubernetesObject } from "../../core/util/kubernetes";
import { roleAndBinding, serviceAccount } from "../spire/rbac";
import {
  accountOf,
  caSecretOf,
  component,
  hasAccount,
  selfSignedOf,
  type CertificatesArgs,
  type Issuer,
} from "./settings";

export const apiVersion = "cert-manager.io/v1";

/**
 * What an issuer is made of, in order. Of one that is there already, nothing.
 *
 * @returns by what it is
 */
export function issuerObjects(args: CertificatesArgs, name: string): Record<string, KubernetesObject> {
  const issuer = args.issuers[name] ?? {};
  return {
    ...(issuer.ca ? authority(args, name, issuer.ca) : {}),
    ...(hasAccount(issuer) ? account(args, name) : {}),
    ...(issuer.existing ? {} : { issuer: clusterIssuer(name, specOf(name, issuer)) }),
  };
}

const clusterIssuer = (name: string, spec: object): KubernetesObject => ({
  apiVersion,
  kind: "ClusterIssuer",
  metadata: { name, ...owned(component) },
  spec,
});

function specOf(name: string, { ca, acme, vault }: Issuer): object {
  if (acme) return { acme: acmeSpec(name, acme) };
  if (vault) return { vault: vaultSpec(name, vault) };
  return ca ? { ca: { secretName: caSecretOf(name) } } : {};
}

/**
 * A CA that signs itself. cert-manager keeps its key when it renews it: what the CA has signed before is then still good by the renewed certificate, and the other
 * way round, with no moment at which everybody must have both. (By default it would make a new key each time, pkg/apis/certmanager/v1/types_certificate.go.)
 */
function authority(
  { namespace }: CertificatesArgs,
  name: string,
  { commonName = name, duration }: NonNullable<Issuer["ca"]>,
) {
  const selfSigned = selfSignedOf(name);
  return {
    selfsigned: clusterIssuer(selfSigned.name, { selfSigned: {} }),
    ca: {
      apiVersion,
      kind: "Certificate",
      // Where a ClusterIssuer looks for its Secret.
      metadata: { name: caSecretOf(name), namespace, ...owned(component) },
      spec: {
        isCA: true,
        commonName,
        secretName: caSecretOf(name),
        duration,
        privateKey: { algorithm: "ECDSA", size: 384, rotationPolicy: "Never" },
        usages: ["cert sign", "crl sign"],
        issuerRef: selfSigned,
      },
    },
  };
}

/** Who the issuer is to a cloud or to Vault, and cert-manager's right to a token of it, of which it gets one for each call. */
function account({ namespace, serviceAccount: controller }: CertificatesArgs, name: string) {
  const role = accountOf(name);
  const rules = [{ apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: [role], verbs: ["create"] }];
  const [right, binding] = roleAndBinding({ name: controller, namespace }, rules, namespace, role);
  return { account: serviceAccount({ name: role, namespace }), "account-role": right, "account-binding": binding };
}

function acmeSpec(name: string, { server, email, solvers }: NonNullable<Issuer["acme"]>): object {
  return {
    server,
    ...(email === undefined ? {} : { email }),
    privateKeySecretRef: { name: `${name}-account` },
    solvers: solvers.map(({ dnsZones, ingress, gateway, route53 }) => ({
      selector: { dnsZones },
      ...(ingress ? { http01: { ingress: { ingressClassName: ingress.className } } } : {}),
      ...(gateway
        ? {
            http01: {
              gatewayHTTPRoute: { parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", ...gateway }] },
            },
          }
        : {}),
      ...(route53 ? { dns01: { route53: route53Spec(name, route53) } } : {}),
    })),
  };
}

type Route53 = NonNullable<NonNullable<Issuer["acme"]>["solvers"][number]["route53"]>;

const route53Spec = (name: string, { role, region, hostedZoneId }: Route53): object => ({
  role,
  ...(region === undefined ? {} : { region }),
  ...(hostedZoneId === undefined ? {} : { hostedZoneID: hostedZoneId }),
  auth: { kubernetes: { serviceAccountRef: { name: accountOf(name) } } },
});

function vaultSpec(
  name: string,
  { server, path, role, authMount, namespace, caSecret }: NonNullable<Issuer["vault"]>,
): object {
  return {
    server,
    path,
    ...(namespace === undefined ? {} : { namespace }),
    ...(caSecret === undefined ? {} : { caBundleSecretRef: { name: caSecret, key: "ca.crt" } }),
    auth: { kubernetes: { role, mountPath: `/v1/auth/${authMount}`, serviceAccountRef: { name: accountOf(name) } } },
  };
}
