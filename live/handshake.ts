/** To how many other nodes each node is asked to connect: of a large cluster not all pairs, but every node as often from elsewhere. */
const peers = 8;

/** The nodes that one is asked to reach: those after it, in a circle. */
export const peersOf = (addresses: readonly string[], own: string): string[] => {
  const all = [...new Set(addresses)].sort();
  const at = all.indexOf(own);
  return [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))].slice(0, peers);
};

/**
 * The command, in the container of Cilium's agent, that writes the addresses whose port for the handshake does not answer in two seconds. Cilium's agents dial
 * each other there, the one of the callee's node that of the caller's, and a firewall that lets pods through may still not let that through (cilium#37354,
 * devantler-tech/platform#1859). The port is in the agent's configuration, as the chart's init container has written it.
 */
export const dial = (addresses: readonly string[]): readonly string[] => [
  "bash",
  "-c",
  [
    "port=$(cat /tmp/cilium/config-map/mesh-auth-mutual-listener-port 2>/dev/null || echo 4250)",
    'dial() { (exec 3<>"/dev/tcp/$1/$port") 2>/dev/null & socket=$!; (sleep 2; kill $socket) >/dev/null 2>&1 & timer=$!; wait $socket || echo "$1"; kill $timer 2>/dev/null; }',
    'for address; do dial "$address" & done',
    "wait",
  ].join("\n"),
  "dial",
  ...addresses,
];
