/** Pulumi's type of each component: the one place where it is spelled, for the components and for the policies that read their arguments. */
export const types = {
  Certificates: "zero-trust:certificates:Certificates",
  Spire: "zero-trust:spire:Spire",
  CiliumAuth: "zero-trust:cilium:CiliumAuth",
  CiliumAuthPolicy: "zero-trust:access:CiliumAuthPolicy",
  DenyAll: "zero-trust:access:DenyAll",
  IstioAuthPolicy: "zero-trust:access:IstioAuthPolicy",
  LinkerdAuthPolicy: "zero-trust:access:LinkerdAuthPolicy",
  MeshNamespaces: "zero-trust:access:MeshNamespaces",
  Rollout: "zero-trust:rollout:Rollout",
} as const;
