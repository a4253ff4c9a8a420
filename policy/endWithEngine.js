const parent = process.ppid;
// An engine that was killed ends nobody: this process would stay, and as soon as it has something to say to nobody, the SDK never stops saying it.
setInterval(() => process.ppid === parent || process.exit(1), 1000).unref();
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(1));
