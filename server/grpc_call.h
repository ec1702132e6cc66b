// One gRPC call from its arrival to its end: reactors of gRPC's callback interface whose work runs
// on Admission's threads. An idle connection or a client that reads slowly holds no thread.
//
// Messages come and go as bytes and are parsed here, because gRPC answers a malformed one with
// UNIMPLEMENTED and no text. A reactor is owned by itself, until gRPC says that it is done, and by
// the work that still needs it; every reactor is finished exactly once, by its work or instead of
// it.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/call_context.h"
#include "common/status.h"
#include "server/admission.h"
#include "server/api.h"
#include "server/metrics.h"

namespace footnote::server {

// What serves the calls. What it points to outlives the gRPC server.
struct GrpcParts {
  Api* api = nullptr;
  Admission* admission = nullptr;
  Metrics* metrics = nullptr;
  // Calls of footnote.v1 that are not done: a drain waits for these, not for who watches health.
  std::shared_ptr<std::atomic<int>> open_calls = std::make_shared<std::atomic<int>>(0);
};

// A method of the service: its name in metrics, and the kind of its work.
struct GrpcMethod {
  std::string_view name;
  WorkKind kind;
};

// INVALID_ARGUMENT when `bytes` are not a message of this type.
Status ParseMessage(const grpc::ByteBuffer& bytes, google::protobuf::Message& message);
grpc::ByteBuffer ToBytes(const google::protobuf::Message& message);

// What calls of every shape share: cancellation and deadline, and their end in the metrics.
class GrpcCall {
 public:
  GrpcCall(const GrpcParts& parts, std::string_view method,
           const grpc::CallbackServerContext& context);

  // For the Api: ends with the client's cancellation, its disconnection, or the deadline.
  const CallContext& context() const { return context_; }
  void Cancel() { stop_.request_stop(); }
  // Counts the call; once. `reason` as in ToGrpc.
  grpc::Status End(const Status& status, std::string_view reason = {});
  // What was to be sent is sent; once.
  void Done() { --*open_calls_; }

 private:
  Metrics* metrics_;
  std::shared_ptr<std::atomic<int>> open_calls_;
  std::string_view method_;
  std::stop_source stop_;
  CallContext context_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Why Admission refused, for ErrorInfo.
std::string_view RefusalReason(const Status& refusal);

// --- One request, one response ---

using UnaryWork = std::function<StatusOr<grpc::ByteBuffer>(const CallContext&)>;
// `response` is gRPC's and lives as long as the reactor. `parsed` not OK: the call ends with it.
grpc::ServerUnaryReactor* StartUnary(const GrpcParts& parts, const GrpcMethod& method,
                                     grpc::CallbackServerContext* context,
                                     grpc::ByteBuffer* response, const Status& parsed,
                                     UnaryWork work);

// call: (const Request&, const CallContext&) -> StatusOr<a message>, run on a thread of Admission.
template <typename Request, typename Call>
grpc::ServerUnaryReactor* ServeUnary(const GrpcParts& parts, const GrpcMethod& method,
                                     grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request_bytes,
                                     grpc::ByteBuffer* response, Call call) {
  auto request = std::make_shared<Request>();
  const Status parsed = ParseMessage(*request_bytes, *request);
  return StartUnary(
      parts, method, context, response, parsed,
      [request, call = std::move(call)](const CallContext& context) -> StatusOr<grpc::ByteBuffer> {
        FOOTNOTE_ASSIGN_OR_RETURN(const auto result, call(*request, context));
        return ToBytes(result);
      });
}

// --- A stream of events to the client ---

// Bytes of events that may wait for a client that does not read. An answer is some 20 KiB: a client
// that is this far behind has stopped.
inline constexpr size_t kMaxWaitingBytes = 256 * 1024;

// Reactor: grpc::ServerWriteReactor<grpc::ByteBuffer> or grpc::ServerBidiReactor<…, …>.
//
// Threads: Emit and End come from one thread at a time (the work's); the rest from gRPC's.
template <typename Reactor>
class EventStream : public Reactor, public std::enable_shared_from_this<EventStream<Reactor>> {
 public:
  EventStream(const GrpcParts& parts, std::string_view method,
              grpc::CallbackServerContext* context);

  // From now on the reactor owns itself, until OnDone.
  void HoldSelf() { self_ = this->shared_from_this(); }

  GrpcCall& call() { return call_; }
  // Never blocks. Does nothing once the client is gone; a client that does not read is dropped with
  // RESOURCE_EXHAUSTED.
  void Emit(grpc::ByteBuffer event);
  // The last call: finishes after what waits was written.
  void End(const Status& status, std::string_view reason = {});

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  grpc::CallbackServerContext* context_;
  GrpcCall call_;
  std::shared_ptr<EventStream> self_;

  std::mutex mutex_;
  grpc::ByteBuffer current_;  // gRPC writes it while writing_
  bool writing_ = false;
  std::deque<grpc::ByteBuffer> waiting_;
  size_t waiting_bytes_ = 0;
  bool gone_ = false;      // nothing more can reach the client
  bool too_slow_ = false;  // since it did not read
  std::optional<grpc::Status> end_;
};

using WriteStream = EventStream<grpc::ServerWriteReactor<grpc::ByteBuffer>>;
using BidiStream = EventStream<grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>>;
extern template class EventStream<grpc::ServerWriteReactor<grpc::ByteBuffer>>;
extern template class EventStream<grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>>;

}  // namespace footnote::server
