#include "server/grpc_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <optional>
#include <stop_token>

#include "footnote/v1/answers.grpc.pb.h"
#include "server/grpc_address.h"
#include "server/grpc_status.h"

namespace footnote::server {
namespace {

// 1,000 passages of the largest kind.
constexpr int kMaxReceiveBytes = 64 * 1024 * 1024;

// A ClientContext that ends with a CallContext. Not copied: the callback points to it.
class Outgoing {
 public:
  explicit Outgoing(const CallContext& call)
      : call_(call), cancel_(call.stop_token(), [this] { context_.TryCancel(); }) {
    if (call.deadline() == CallContext::Clock::time_point::max()) return;
    context_.set_deadline(std::chrono::system_clock::now() +
                          std::chrono::duration_cast<std::chrono::system_clock::duration>(
                              call.deadline() - CallContext::Clock::now()));
  }
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  grpc::ClientContext* context() { return &context_; }

  // In words of ours where gRPC's own would not help: who cancelled, and who is not there.
  Status Result(const grpc::Status& status, const std::string& address) const {
    if (status.ok()) return OkStatus();
    const Status mine = call_.Check();
    if (status.error_code() == grpc::StatusCode::CANCELLED && !mine.ok()) return mine;
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return DeadlineExceededError("the server at " + address +
                                   " was not done when the deadline passed: allow more time with "
                                   "--timeout-ms");
    }
    // An error of the service carries details; one of the connection does not.
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty()) {
      return UnavailableError("no server answers at " + address + " (" + status.error_message() +
                              "): start one with `footnote serve`, or name its address with "
                              "--server");
    }
    return FromGrpc(status);
  }

  // The answer that the stream of events ends with.
  StatusOr<v1::Answer> Answer(grpc::ClientReader<v1::AskResponse>& reader,
                              const std::string& address,
                              const std::function<void(const v1::AskResponse&)>& on_event) const {
    v1::AskResponse event;
    std::optional<v1::Answer> answer;
    while (reader.Read(&event)) {
      if (on_event) on_event(event);
      if (event.has_answer()) answer = event.answer();
    }
    FOOTNOTE_RETURN_IF_ERROR(Result(reader.Finish(), address));
    if (!answer.has_value()) {
      return InternalError("the server at " + address +
                           " ended without an answer: look at its log");
    }
    return *std::move(answer);
  }

 private:
  const CallContext& call_;
  grpc::ClientContext context_;
  std::stop_callback<std::function<void()>> cancel_;
};

}  // namespace

struct GrpcClient::State {
  std::string address;
  std::unique_ptr<v1::AnswerService::Stub> answers;
};

GrpcClient::GrpcClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
GrpcClient::~GrpcClient() = default;

StatusOr<std::unique_ptr<GrpcClient>> GrpcClient::Connect(const std::string& address) {
  FOOTNOTE_ASSIGN_OR_RETURN(const GrpcAddress parsed, ParseLoopbackAddress(address, "--server"));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  // A proxy of the environment does not lead to this machine.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  auto state = std::make_unique<State>();
  state->address = parsed.ToString();
  state->answers = v1::AnswerService::NewStub(
      grpc::CreateCustomChannel(state->address, grpc::InsecureChannelCredentials(), arguments));
  return std::unique_ptr<GrpcClient>(new GrpcClient(std::move(state)));
}

StatusOr<v1::SearchResponse> GrpcClient::Search(const v1::SearchRequest& request,
                                                const CallContext& call) {
  Outgoing outgoing(call);
  v1::SearchResponse response;
  FOOTNOTE_RETURN_IF_ERROR(outgoing.Result(
      state_->answers->Search(outgoing.context(), request, &response), state_->address));
  return response;
}

StatusOr<v1::Answer> GrpcClient::Ask(const v1::AskRequest& request, const CallContext& call,
                                     const std::function<void(const v1::AskResponse&)>& on_event) {
  Outgoing outgoing(call);
  const auto reader = state_->answers->Ask(outgoing.context(), request);
  return outgoing.Answer(*reader, state_->address, on_event);
}

StatusOr<v1::Answer> GrpcClient::Summarize(const v1::SummarizeRequest& request,
                                           const CallContext& call) {
  Outgoing outgoing(call);
  const auto reader = state_->answers->Summarize(outgoing.context(), request);
  return outgoing.Answer(*reader, state_->address, {});
}

}  // namespace footnote::server
