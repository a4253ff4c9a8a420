// Writes docs/scale.md, by reckoning alone: `npm run bench:scale`.
import { writeFileSync } from "node:fs";
import { scalePage } from "./scalePage";

writeFileSync("docs/scale.md", scalePage());
