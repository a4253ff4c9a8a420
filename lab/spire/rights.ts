import type { ControlPlane } from "../controlPlane";

/** Who is asked about: as a TokenReview gives it. */
export interface User {
  readonly username: string;
  readonly groups?: readonly string[];
}

/** What is asked about: the attributes of a request to a resource. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Whose token it is; undefined where the API server does not know it. */
export function userOf(cluster: ControlPlane, token: string): User | undefined {
  const { authenticated, user } = review<{ authenticated?: boolean; user?: User }>(
    cluster,
    "authentication.k8s.io/v1",
    "TokenReview",
    { token },
  );
  return authenticated ? user : undefined;
}

/** Whether the API server allows it now. */
export function isAllowed(
  cluster: ControlPlane,
  { username, groups = [] }: User,
  resourceAttributes: Attributes,
): boolean {
  const { allowed } = review<{ allowed: boolean }>(cluster, "authorization.k8s.io/v1", "SubjectAccessReview", {
    user: username,
    groups,
    resourceAttributes,
  });
  return allowed;
}

function review<Status>(cluster: ControlPlane, apiVersion: string, kind: string, spec: object): Status {
  const output = cluster.kubectl(["create", "-f", "-", "-o", "json"], JSON.stringify({ apiVersion, kind, spec }));
  return (JSON.parse(output) as { status: Status }).status;
}
