import type { Conflict, PartialConfig } from "./conflict";

/** A node attestor beside keys that it cannot do with, or without. */
export function attestorConflicts({ spire }: PartialConfig): Conflict[] {
  const { awsIid, gcpIit, tpm } = spire?.nodeAttestor ?? {};
  const { keyManager = {}, upstreamAuthority, images } = spire ?? {};
  return [
    ...oneAccount(
      [["keyManager", "awsKms", "roleArn"], keyManager.awsKms?.roleArn],
      [["upstreamAuthority", "awsPca", "roleArn"], upstreamAuthority?.awsPca?.roleArn],
      [["nodeAttestor", "awsIid", "roleArn"], awsIid?.roleArn],
    ),
    ...oneAccount(
      [["keyManager", "gcpKms", "serviceAccount"], keyManager.gcpKms?.serviceAccount],
      [["nodeAttestor", "gcpIit", "serviceAccount"], gcpIit?.serviceAccount],
    ),
    ...(tpm ? (["server", "agent"] as const) : [])
      .filter((key) => images?.[key] === undefined)
      .map((key) => ({
        path: ["spire", "images", key],
        hint: {
          allowed: `an image of yours with the plugin of nodeAttestor.tpm in it, which SPIRE's own has not`,
          example: `registry.corp/spire-${key}-tpm:1.15.3`,
        },
      })),
  ];
}

/** The servers have one service account, which a cloud gives one identity: whoever names another later is told of the first. */
function oneAccount(...named: readonly (readonly [path: readonly string[], value: string | undefined])[]): Conflict[] {
  const [first, ...others] = named.filter(([, value]) => value !== undefined);
  const other = others.find(([, value]) => value !== first?.[1]);
  if (first === undefined || other === undefined) return [];
  const allowed = `that of spire.${first[0].join(".")}: there is one account`;
  return [{ path: ["spire", ...other[0]], hint: { allowed, example: first[1] ?? "" } }];
}
