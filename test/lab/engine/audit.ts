import { readFileSync } from "node:fs";

/** A write that the API server has seen. */
export interface Write {
  readonly verb: string;
  /** `ciliumnetworkpolicies orders/zero-trust` */
  readonly object: string;
  readonly status: number;
}

/** What the API server's audit log has of the lab's user, in order: what controllers and kwok write is theirs. Dry runs are no writes. */
export function writes(auditLog: string): Write[] {
  return readFileSync(auditLog, "utf8")
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(
      ({ stage, verb, user, requestURI, objectRef }) =>
        stage === "ResponseComplete" &&
        /^(create|update|patch|delete|deletecollection)$/.test(verb) &&
        user.username === "lab" &&
        objectRef?.resource !== "nodes" &&
        // Before it applies an object, the provider patches managedFields with what they are: a request that changes nothing, and has no field manager.
        !(verb === "patch" && !requestURI.includes("fieldManager=")) &&
        !requestURI.includes("dryRun="),
    )
    .map(({ verb, objectRef, responseStatus }) => ({
      verb,
      object: `${objectRef?.resource} ${[objectRef?.namespace, objectRef?.name].filter(Boolean).join("/")}`,
      status: responseStatus?.code ?? 0,
    }));
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
}
