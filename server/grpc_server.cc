#include "server/grpc_server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <mutex>
#include <thread>
#include <vector>

#include "footnote/v1/answers.grpc.pb.h"
#include "footnote/v1/corpora.grpc.pb.h"
#include "footnote/v1/models.grpc.pb.h"
#include "server/grpc_address.h"
#include "server/grpc_reflection.h"
#include "server/grpc_services.h"

namespace footnote::server {
namespace {

// The largest honest message is a piece of an import, 1 MiB, or the facts of CheckGrounding, the
// same.
constexpr int kMaxReceiveBytes = 4 * 1024 * 1024;
// A text that is asked for whole goes out in one message.
constexpr int kMaxSendBytes = 64 * 1024 * 1024;
// Calls at once on one connection; Admission refuses long before.
constexpr int kMaxConcurrentStreams = 256;
constexpr int kMaxMetadataBytes = 16 * 1024;
// A peer that is gone without a word (a machine asleep behind a tunnel) is found after these.
constexpr int kKeepaliveTimeMs = 120 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;
// Clients may look whether we live as often as this, also without calls.
constexpr int kMinPingIntervalMs = 10 * 1000;

std::vector<std::string> ServedNames() {
  return {v1::AnswerService::service_full_name(), v1::CorpusService::service_full_name(),
          v1::ModelService::service_full_name()};
}

void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.SetMaxSendMessageSize(kMaxSendBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  // Two servers on one port would share its connections in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

// gRPC tells of a port that is taken on stderr, in its own words; Start says it in ours.
std::unique_ptr<grpc::Server> BuildQuietly(grpc::ServerBuilder& builder) {
  gpr_set_log_function([](gpr_log_func_args*) {});
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  gpr_set_log_function(nullptr);  // its own again
  return server;
}

}  // namespace

struct GrpcServer::State {
  GrpcAddress address;
  GrpcParts parts;
  std::vector<std::unique_ptr<grpc::Service>> services;  // outlive the server
  std::unique_ptr<grpc::Server> server;
  std::once_flag drained;
};

GrpcServer::GrpcServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcOptions& options, Api* api,
                                                        Admission* admission, Metrics* metrics) {
  auto state = std::make_unique<State>();
  FOOTNOTE_ASSIGN_OR_RETURN(state->address, ParseLoopbackAddress(options.listen, "--listen"));
  state->parts.api = api;
  state->parts.admission = admission;
  state->parts.metrics = metrics;
  state->services.push_back(MakeGrpcAnswerService(state->parts));
  state->services.push_back(MakeGrpcCorpusService(state->parts));
  state->services.push_back(MakeGrpcModelService(state->parts));

  std::vector<std::string> listed = ServedNames();
  for (std::string& name : GrpcProtocolNames()) listed.push_back(std::move(name));
  for (auto& service : MakeGrpcReflection(listed)) state->services.push_back(std::move(service));

  // Protobuf writes a line to stderr for each message with a text that is not UTF-8: any client
  // could fill the log. The client is told, by its status.
  google::protobuf::SetLogHandler(nullptr);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  SetLimits(builder);
  builder.AddListeningPort(state->address.ToString(), grpc::InsecureServerCredentials(),
                           &state->address.port);
  const std::string wanted = state->address.ToString();
  for (const auto& service : state->services) builder.RegisterService(service.get());
  state->server = BuildQuietly(builder);
  if (state->server == nullptr) {
    return UnavailableError("cannot listen on " + wanted +
                            " (another process has the port, or it is not allowed): choose another "
                            "with --listen, or port 0 for any that is free");
  }
  grpc::HealthCheckServiceInterface* health = state->server->GetHealthCheckService();
  for (const std::string& name : ServedNames()) health->SetServingStatus(name, true);
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(state)));
}

GrpcServer::~GrpcServer() { Drain(std::chrono::milliseconds(0)); }

int GrpcServer::port() const { return state_->address.port; }
std::string GrpcServer::address() const { return state_->address.ToString(); }

void GrpcServer::Drain(std::chrono::milliseconds patience) {
  std::call_once(state_->drained, [&] {
    state_->server->GetHealthCheckService()->Shutdown();
    // Shutdown waits for every stream, also for those that never end by themselves: watchers of
    // health, idle clients of reflection. They are cancelled once no call of footnote.v1 is open.
    std::jthread hurry([this](const std::stop_token& ended) {
      while (!ended.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (*state_->parts.open_calls == 0) {
          grpc_server_cancel_all_calls(state_->server->c_server());
        }
      }
    });
    state_->server->Shutdown(std::chrono::system_clock::now() + patience);
  });
}

}  // namespace footnote::server
