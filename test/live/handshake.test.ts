import { spawnSync } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { dial, peersOf } from "../../live/handshake";

test("each node of a large cluster is asked for eight others, and asked for by as many; of a small one for all", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.ipV4(), { minLength: 1, maxLength: 40 }), (addresses) => {
      const asked = addresses.flatMap((own) => peersOf(addresses, own));
      const each = Math.min(8, addresses.length - 1);
      for (const address of addresses) {
        expect(peersOf(addresses, address)).toHaveLength(each);
        expect(peersOf(addresses, address)).not.toContain(address);
        expect(asked.filter((other) => other === address)).toHaveLength(each);
      }
    }),
  );
});

test("the command names the addresses that do not answer, and no other", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const [bash = "", flag = "", script = "", ...rest] = dial(["127.0.0.1", "127.0.0.2"]);
  // As the agent's configuration would have it.
  const here = script.replace(/\$\(cat [^)]*\)/, String(port));
  const { stdout } = spawnSync(bash, [flag, here, ...rest], { encoding: "utf8" });
  server.close();
  expect(stdout).toBe("127.0.0.2\n");
});
