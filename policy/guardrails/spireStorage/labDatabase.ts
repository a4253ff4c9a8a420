import type { Guardrail } from "../../rules/guardrail";

export const labDatabase: Guardrail = {
  name: "lab-database",
  description: "SPIRE's database is not the one for labs.",
  severity: "advisory",
  prevents:
    "A cluster whose identities hang on one pod: with several servers their database is what must not be away, and one of a single pod, without TLS, copies or backups, is away whenever its node is (spire doc/scaling_spire.md).",
  remediation:
    "In a lab, nothing. Elsewhere name a database of your own in spire.datastore.postgres or mysql, before the first update: it cannot be changed later.",
  blocksOff: false,
  checkStack: ({ config: { spire } }) =>
    spire.datastore?.labPostgres
      ? [
          {
            where: "zero-trust:spire.datastore.labPostgres",
            message:
              "is one pod on one volume, in clear and without backups, for labs alone; elsewhere write spire.datastore.postgres",
          },
        ]
      : [],
};
