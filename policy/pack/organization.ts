import { PolicyPack } from "@pulumi/policy";
import "../endWithEngine";
import { guardrails } from "../guardrails";
import { letsOff, organizationStack } from "./organizationStack";
import { policiesOf } from "./pack";

new PolicyPack("zero-trust", { policies: policiesOf(guardrails.map(letsOff), organizationStack) });
