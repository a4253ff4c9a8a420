import { fromJSON, type PackageDefinition } from "@grpc/proto-loader";
import { parse } from "protobufjs";

/**
 * What is read of Cilium's observer API, and nothing else: api/v1/{observer/observer,flow/flow,relay/relay}.proto, the same in 1.18, 1.19 and 1.20. Only the service's
 * package and the fields' numbers are on the wire, so that messages of Cilium's packages `flow` and `relay`, and Google's two, can stand beside those of `observer`.
 */
export const observerProto = `
syntax = "proto3";
package observer;

service Observer {
  rpc GetFlows(GetFlowsRequest) returns (stream GetFlowsResponse) {}
}

message GetFlowsRequest {
  bool follow = 3;
  repeated FlowFilter whitelist = 6;
  Timestamp since = 7;
}

message FlowFilter {
  repeated string destination_pod = 4;
  repeated EventTypeFilter event_type = 6;
  repeated bool reply = 15;
  repeated Workload source_workload = 26;
  repeated TrafficDirection traffic_direction = 30;
  repeated DropReason drop_reason_desc = 33;
}

message EventTypeFilter {
  int32 type = 1;
  bool match_sub_type = 2;
  int32 sub_type = 3;
}

message GetFlowsResponse {
  oneof response_types {
    Flow flow = 1;
    NodeStatusEvent node_status = 2;
    LostEvent lost_events = 3;
  }
  string node_name = 1000;
  Timestamp time = 1001;
}

message NodeStatusEvent {
  NodeState state_change = 1;
  repeated string node_names = 2;
  string message = 3;
}

enum NodeState {
  UNKNOWN_NODE_STATE = 0;
  NODE_CONNECTED = 1;
  NODE_UNAVAILABLE = 2;
  NODE_GONE = 3;
  NODE_ERROR = 4;
}

message LostEvent {
  uint64 num_events_lost = 2;
}

message Flow {
  Timestamp time = 1;
  Verdict verdict = 2;
  IP IP = 5;
  Layer4 l4 = 6;
  Endpoint source = 8;
  Endpoint destination = 9;
  CiliumEventType event_type = 19;
  TrafficDirection traffic_direction = 22;
  DropReason drop_reason_desc = 25;
  BoolValue is_reply = 26;
  string uuid = 34;
  AuthType auth_type = 35;
  TraceReason trace_reason = 36;
}

message IP {
  string source = 1;
}

message Layer4 {
  oneof protocol {
    TCP TCP = 1;
    UDP UDP = 2;
    ICMPv4 ICMPv4 = 3;
    ICMPv6 ICMPv6 = 4;
    SCTP SCTP = 5;
  }
}

message TCP {
  uint32 destination_port = 2;
  TCPFlags flags = 3;
}

message TCPFlags {
  bool SYN = 2;
  bool ACK = 5;
}

message UDP {
  uint32 destination_port = 2;
}

message SCTP {
  uint32 destination_port = 2;
}

message ICMPv4 {}

message ICMPv6 {}

message Endpoint {
  string namespace = 3;
  repeated string labels = 4;
  repeated Workload workloads = 6;
}

message Workload {
  string name = 1;
  string kind = 2;
}

message CiliumEventType {
  int32 type = 1;
}

enum TrafficDirection {
  TRAFFIC_DIRECTION_UNKNOWN = 0;
  INGRESS = 1;
  EGRESS = 2;
}

enum Verdict {
  VERDICT_UNKNOWN = 0;
  FORWARDED = 1;
  DROPPED = 2;
  AUDIT = 4;
  REDIRECTED = 5;
}

enum AuthType {
  DISABLED = 0;
  SPIRE = 1;
  TEST_ALWAYS_FAIL = 2;
}

enum TraceReason {
  TRACE_REASON_UNKNOWN = 0;
  NEW = 1;
  ESTABLISHED = 2;
  REPLY = 3;
  RELATED = 4;
}

enum DropReason {
  DROP_REASON_UNKNOWN = 0;
  POLICY_DENIED = 133;
  POLICY_DENY = 181;
  AUTH_REQUIRED = 189;
}

message Timestamp {
  int64 seconds = 1;
  int32 nanos = 2;
}

message BoolValue {
  bool value = 1;
}
`;

/** The types of events, of which a request asks for some (pkg/monitor/api/types.go). */
export const eventTypes = { drop: 1, trace: 4, policyVerdict: 5 } as const;

/** As grpc-js takes it, for a client and for a server. A value of an enum that is not above comes as its number. */
export const observerDefinition = (): PackageDefinition =>
  fromJSON(parse(observerProto, { keepCase: true }).root.toJSON(), {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  });

export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** One end of a flow. */
export interface Endpoint {
  readonly namespace: string;
  /** With their sources, as `k8s:app=api` and `reserved:host`. */
  readonly labels: readonly string[];
  /** Only where the flow was seen on the endpoint's own node. */
  readonly workloads: readonly { readonly name: string; readonly kind: string }[];
}

/** A packet that Hubble has seen: what Cilium decided about it, or where it passed. */
export interface Flow {
  readonly time: Timestamp | null;
  readonly IP: { readonly source: string } | null;
  readonly l4: {
    readonly protocol?: "TCP" | "UDP" | "ICMPv4" | "ICMPv6" | "SCTP";
    readonly TCP?: {
      readonly destination_port: number;
      readonly flags: { readonly SYN: boolean; readonly ACK: boolean } | null;
    };
    readonly UDP?: { readonly destination_port: number };
    readonly SCTP?: { readonly destination_port: number };
  } | null;
  readonly source: Endpoint | null;
  readonly destination: Endpoint | null;
  readonly event_type: { readonly type: number } | null;
  readonly traffic_direction: string | number;
  /** Null where nobody knows. */
  readonly is_reply: { readonly value: boolean } | null;
  readonly uuid: string;
  readonly verdict?: string | number;
  readonly drop_reason_desc?: string | number;
  readonly auth_type: string | number;
  readonly trace_reason: string | number;
}

export interface GetFlowsResponse {
  readonly response_types?: "flow" | "node_status" | "lost_events";
  readonly flow?: Flow;
  readonly node_status?: {
    readonly state_change: string | number;
    readonly node_names: readonly string[];
    readonly message: string;
  };
  readonly lost_events?: { readonly num_events_lost: number };
  readonly node_name: string;
  readonly time: Timestamp | null;
}
