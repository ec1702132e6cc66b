#include "server/grpc_call.h"

#include <google/protobuf/descriptor.h>
#include <grpc/grpc.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <string>

#include "server/grpc_status.h"

namespace footnote::server {
namespace {

// A call that is cancelled this short before its deadline was cancelled by it: more than a message
// takes on this machine, less than people notice.
constexpr std::chrono::milliseconds kDeadlineSlack(50);

// gRPC tells deadlines by the wall clock; the rest of Footnote counts on the steady one.
CallContext::Clock::time_point SteadyDeadline(std::chrono::system_clock::time_point deadline) {
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return CallContext::Clock::time_point::max();
  }
  const auto left = deadline - std::chrono::system_clock::now();
  // A client may say a thousand years.
  if (left > std::chrono::hours(24 * 365)) return CallContext::Clock::time_point::max();
  return CallContext::Clock::now() + std::chrono::duration_cast<CallContext::Clock::duration>(left);
}

// Runs its work on a thread of Admission and finishes with what that gives.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const GrpcParts& parts, const GrpcMethod& method, grpc::CallbackServerContext* context,
            grpc::ByteBuffer* response)
      : call_(parts, method.name, *context), response_(response) {}

  static grpc::ServerUnaryReactor* Start(const std::shared_ptr<UnaryCall>& self,
                                         Admission* admission, WorkKind kind, UnaryWork work) {
    self->self_ = self;
    const Status submitted =
        admission->Submit(kind, [self, work = std::move(work)] { self->Run(work); });
    if (!submitted.ok()) self->Refuse(self, submitted, RefusalReason(submitted));
    return self.get();
  }

  static grpc::ServerUnaryReactor* Refuse(const std::shared_ptr<UnaryCall>& self,
                                          const Status& status, std::string_view reason) {
    self->self_ = self;
    self->Finish(self->call_.End(status, reason));
    return self.get();
  }

 private:
  void Run(const UnaryWork& work) {
    // A call whose client left while it waited costs nothing.
    if (const Status status = call_.context().Check(); !status.ok()) {
      return Finish(call_.End(status));
    }
    StatusOr<grpc::ByteBuffer> result = work(call_.context());
    if (result.ok()) *response_ = *std::move(result);
    Finish(call_.End(result.status()));
  }

  void OnCancel() override { call_.Cancel(); }
  void OnDone() override {
    call_.Done();
    // The work may hold another reference still.
    const std::shared_ptr<UnaryCall> last = std::move(self_);
  }

  GrpcCall call_;
  grpc::ByteBuffer* response_;
  std::shared_ptr<UnaryCall> self_;
};

}  // namespace

Status ParseMessage(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::ByteBuffer copy = bytes;  // shares the bytes; the reader wants a buffer of its own
  grpc::ProtoBufferReader reader(&copy);
  if (!reader.status().ok() || !message.ParseFromZeroCopyStream(&reader)) {
    return InvalidArgumentError("the request's bytes are not a message " +
                                message.GetDescriptor()->full_name() +
                                " (or a text in it is not UTF-8): build it from the service's own "
                                ".proto files or its reflection");
  }
  return OkStatus();
}

grpc::ByteBuffer ToBytes(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

GrpcCall::GrpcCall(const GrpcParts& parts, std::string_view method,
                   const grpc::CallbackServerContext& context)
    : metrics_(parts.metrics),
      open_calls_(parts.open_calls),
      method_(method),
      context_(stop_.get_token(), SteadyDeadline(context.deadline())) {
  ++*open_calls_;
}

grpc::Status GrpcCall::End(const Status& status, std::string_view reason) {
  // A deadline comes as a cancel: gRPC's own, or the client's, whose clock began a little earlier.
  const bool late = status.code() == StatusCode::kCancelled &&
                    CallContext::Clock::now() >= context_.deadline() - kDeadlineSlack;
  const Status told =
      late ? DeadlineExceededError("the request's deadline passed before it was done") : status;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
  metrics_->ObserveCall("grpc", method_, told.code(), seconds.count());
  return ToGrpc(told, reason);
}

std::string_view RefusalReason(const Status& refusal) {
  return refusal.code() == StatusCode::kUnavailable ? "SHUTTING_DOWN" : "TOO_MANY_CALLS";
}

grpc::ServerUnaryReactor* StartUnary(const GrpcParts& parts, const GrpcMethod& method,
                                     grpc::CallbackServerContext* context,
                                     grpc::ByteBuffer* response, const Status& parsed,
                                     UnaryWork work) {
  const auto call = std::make_shared<UnaryCall>(parts, method, context, response);
  if (!parsed.ok()) return UnaryCall::Refuse(call, parsed, "MALFORMED_MESSAGE");
  return UnaryCall::Start(call, parts.admission, method.kind, std::move(work));
}

template <typename Reactor>
EventStream<Reactor>::EventStream(const GrpcParts& parts, std::string_view method,
                                  grpc::CallbackServerContext* context)
    : context_(context), call_(parts, method, *context) {}

// gRPC is never called with the lock held: it may call back.
template <typename Reactor>
void EventStream<Reactor>::Emit(grpc::ByteBuffer event) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || end_.has_value()) return;
    if (writing_) {
      // However large, one event may wait.
      if (waiting_.empty() || waiting_bytes_ + event.Length() <= kMaxWaitingBytes) {
        waiting_bytes_ += event.Length();
        waiting_.push_back(std::move(event));
        return;
      }
      gone_ = too_slow_ = true;
      waiting_.clear();
    } else {
      writing_ = true;
      current_ = std::move(event);
    }
  }
  if (!too_slow_) return this->StartWrite(&current_);
  call_.Cancel();
  // Finish would wait behind the write that the client does not take; this fails that write.
  grpc_call_cancel_with_status(context_->c_call(), GRPC_STATUS_RESOURCE_EXHAUSTED,
                               "the client does not read what it asked for", nullptr);
}

template <typename Reactor>
void EventStream<Reactor>::End(const Status& status, std::string_view reason) {
  grpc::Status end;
  {
    const std::lock_guard lock(mutex_);
    end = too_slow_ ? call_.End(ResourceExhaustedError(
                                    "the client does not read what it asked for: more than " +
                                    std::to_string(kMaxWaitingBytes / 1024) + " KiB waited for it"),
                                "CLIENT_TOO_SLOW")
                    : call_.End(status, reason);
    end_ = end;
    if (writing_) return;  // OnWriteDone finishes
  }
  this->Finish(end);
}

template <typename Reactor>
void EventStream<Reactor>::OnWriteDone(bool ok) {
  std::optional<grpc::Status> end;
  {
    const std::lock_guard lock(mutex_);
    if (!ok) {
      gone_ = true;
      waiting_.clear();
    }
    if (waiting_.empty()) {
      writing_ = false;
      waiting_bytes_ = 0;
      end = end_;
    } else {
      current_ = std::move(waiting_.front());
      waiting_.pop_front();
      waiting_bytes_ -= current_.Length();
    }
    if (!writing_ && !end.has_value() && ok) return;
  }
  if (!ok) call_.Cancel();
  if (end.has_value()) {
    this->Finish(*end);
  } else if (ok) {
    this->StartWrite(&current_);
  }
}

template <typename Reactor>
void EventStream<Reactor>::OnCancel() {
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    waiting_.clear();
  }
  call_.Cancel();
}

template <typename Reactor>
void EventStream<Reactor>::OnDone() {
  call_.Done();
  const std::shared_ptr<EventStream> last = std::move(self_);
}

template class EventStream<grpc::ServerWriteReactor<grpc::ByteBuffer>>;
template class EventStream<grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>>;

}  // namespace footnote::server
