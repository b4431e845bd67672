/** The public names, and nothing else. */

export type { View } from './base/views.js';
export type { AddressFamily, SocketAddress } from './contract/address.js';
export type { AncillaryField, ProcessCredentials } from './contract/ancillary.js';
export { DatagramMessage } from './contract/datagram-message.js';
export type { ReadResult, ReadVectorResult, WriteResult, WriteVectorResult } from './contract/files.js';
export { LatencyRecording } from './contract/latency.js';
export type { OperationFacts, OperationTrace } from './contract/observation.js';
export type {
  BackendName,
  Degradation,
  FdTableStats,
  ReceiveBufferStats,
  RingProfile,
  RingStats,
  SqPollProfile,
} from './contract/reports.js';
export type {
  CoalesceOptions,
  IoWorkerOptions,
  ReceiveBufferOptions,
  RingOptions,
  SqPollOptions,
} from './contract/ring-options.js';
export { StreamChunk } from './contract/stream-chunk.js';
export type { ManyResults } from './contract/files.js';
export type { PeerCredentials } from './contract/streams.js';
export type { PollEvent } from './events/poll-events.js';
export type { SignalArrival } from './events/signals.js';
export type { AllocateMode, AllocateOptions } from './fs/allocate-modes.js';
export type {
  AttributeOptions,
  SetAttributeMode,
  SetAttributeOfHandleOptions,
  SetAttributeOptions,
} from './fs/attributes.js';
export type { DirectAlignment } from './fs/file-handle.js';
export { BufferPool, type BufferPoolOptions, PooledBuffer } from './fs/buffer-pool.js';
export type {
  Chain,
  ChainCanceledError,
  ChainOptions,
  ChainPart,
  ChainResults,
  ChainTransferOptions,
} from './fs/chain.js';
export { FileHandle } from './fs/file-handle.js';
export type { Fs } from './fs/fs.js';
export type { ReadOptions, TransferOptions } from './fs/handle-transfers.js';
export type { HandleWriter, WriterCallOptions, WriterOptions } from './fs/handle-writer.js';
export type { OpenOptions, ResolveRule } from './fs/open-rules.js';
export type {
  MakeDirectoryOptions,
  PathStatOptions,
  ReadFileOptions,
  SignalOptions,
  StatOptions,
  WriteFileOptions,
} from './fs/options.js';
export type { Advice, SyncRangeOptions } from './fs/range-hints.js';
export type { TransferRequest } from './fs/many-transfers.js';
export type { OnProgress, Progress, ProgressOptions } from './fs/progress.js';
export type { ReadFilesEntry, ReadFilesOptions } from './fs/read-files.js';
export type { SpliceOptions } from './fs/splice-options.js';
export type { ContentTransform, PullOptions, PullSyncOptions } from './fs/stream-iter.js';
export type { WebStreamOptions } from './fs/web-stream.js';
export type { FileContent } from './fs/write-file.js';
export type { SqPollGroup, SqPollThread } from './native/sq-poll-groups.js';
export type { DatagramBindOptions } from './net/datagrams/datagram-binding.js';
export type {
  DatagramData,
  DatagramDestination,
  OutgoingDatagram,
  SendOptions,
} from './net/datagrams/datagram-sending.js';
export type { PathMtuDiscovery } from './net/datagrams/datagram-settings.js';
export { DatagramSocket, type ReceiveOptions } from './net/datagrams/datagram-socket.js';
export type { StreamConnectOptions } from './net/streams/connect-options.js';
export type { ListenOptions } from './net/streams/listen-options.js';
export { Listener } from './net/streams/listener.js';
export type { ReadableFile } from './net/streams/send-file.js';
export { serveOn } from './net/streams/serve-on.js';
export type {
  ChunkOptions,
  ReceivedDescriptors,
  ReceiveDescriptorsOptions,
  SendFileOptions,
  StreamCallOptions,
  StreamReadOptions,
} from './net/streams/stream-calls.js';
export type { DuplexOptions, StreamDuplex } from './net/streams/stream-duplex.js';
export type { StreamSocketOptions } from './net/streams/stream-options.js';
export { StreamSocket } from './net/streams/stream-socket.js';
export {
  type ContainerEngine,
  type Host,
  type Probe,
  type ProbeProfile,
  type ProbeTrial,
  type ProcessLimits,
  probe,
  type ResourceLimit,
  type SecuritySettings,
} from './observe/probe.js';
export { fs } from './ring/default-fs.js';
export { Ring, type WaitOptions } from './ring/ring.js';
export type { ProfileName, TrialName } from './uring/probe.js';
