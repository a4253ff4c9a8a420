// The program's entry.
module.exports = require("./bundle").run("index.ts", "program", ["@kubernetes/client-node", "zod"]);
