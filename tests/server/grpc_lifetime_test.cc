// Calls that end early, clients that do not behave, and the server's own end.

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/server/grpc_fixture.h"

namespace footnote::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

class GrpcLifetime : public GrpcFixture {
 protected:
  // An answer that never ends by itself.
  void AskForever(size_t event_bytes) {
    api_.ask = [this, event_bytes](const v1::AskRequest&, const CallContext& call,
                                   const auto& emit) {
      return api_.RunUntilStopped(call, [&] {
        ++emitted_;
        if (event_bytes == 0) return;
        emit(testing::ScriptedApi::SentenceEvent(std::string(event_bytes, 'x')));
      });
    };
  }
  // What /metrics counts of Ask under this code.
  bool AskCountedAs(const std::string& code) {
    return metrics_.Text().find("footnote_calls_total{code=\"" + code +
                                "\",method=\"Ask\",protocol=\"grpc\"} 1\n") != std::string::npos;
  }
  int RunningAnswers() { return admission_->load(WorkKind::kAnswer).running; }

  std::atomic<int64_t> emitted_{0};
};

TEST_F(GrpcLifetime, DeadlineReachesTheApi) {
  AskForever(0);
  Start();
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + milliseconds(50));
  const auto reader = answers_->Ask(&context, {});
  v1::AskResponse event;
  while (reader->Read(&event)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return api_.stopped == 1 && RunningAnswers() == 0; }));
  EXPECT_LT(emitted_, 2000);  // one a millisecond: it did not go on
  // gRPC reports a deadline as a cancel: it is counted as what it is.
  EXPECT_TRUE(AskCountedAs("DEADLINE_EXCEEDED")) << metrics_.Text();
}

TEST_F(GrpcLifetime, DeadlineOfAUnaryCallReachesTheApi) {
  api_.search = [this](const v1::SearchRequest&, const CallContext& call) {
    return StatusOr<v1::SearchResponse>(api_.RunUntilStopped(call, [] {}));
  };
  Start();
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + milliseconds(50));
  v1::SearchResponse response;
  EXPECT_EQ(answers_->Search(&context, {}, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return api_.stopped == 1; }));
}

TEST_F(GrpcLifetime, CancelReachesTheApi) {
  AskForever(10);
  Start();
  grpc::ClientContext context;
  const auto reader = answers_->Ask(&context, {});
  v1::AskResponse event;
  ASSERT_TRUE(reader->Read(&event));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return api_.stopped == 1 && RunningAnswers() == 0; }));
  EXPECT_TRUE(AskCountedAs("CANCELLED")) << metrics_.Text();
}

TEST_F(GrpcLifetime, AConnectionThatBreaksReachesTheApi) {
  AskForever(10);
  Start();
  auto other = NewChannel();
  auto stub = v1::AnswerService::NewStub(other);
  auto context = std::make_unique<grpc::ClientContext>();
  auto reader = stub->Ask(context.get(), {});
  v1::AskResponse event;
  ASSERT_TRUE(reader->Read(&event));
  reader.reset();
  context.reset();
  stub.reset();
  other.reset();
  EXPECT_TRUE(Eventually([&] { return api_.stopped == 1; }));
}

TEST_F(GrpcLifetime, ACallThatWasCancelledInTheQueueDoesNothing) {
  std::atomic<bool> release{false};
  std::atomic<int> asked{0};
  api_.ask = [&](const v1::AskRequest&, const CallContext&, const auto&) {
    ++asked;
    while (!release) std::this_thread::sleep_for(milliseconds(1));
    return OkStatus();
  };
  AdmissionLimits limits;
  limits.lanes[static_cast<size_t>(WorkKind::kAnswer)] = {1, 8};
  Start(limits);
  grpc::ClientContext first_context;
  const auto first = answers_->Ask(&first_context, {});
  ASSERT_TRUE(Eventually([&] { return asked == 1; }));
  grpc::ClientContext second_context;
  const auto second = answers_->Ask(&second_context, {});
  ASSERT_TRUE(Eventually([&] { return admission_->load(WorkKind::kAnswer).queued == 1; }));
  second_context.TryCancel();
  EXPECT_EQ(second->Finish().error_code(), grpc::StatusCode::CANCELLED);
  std::this_thread::sleep_for(milliseconds(50));  // the cancel travels
  release = true;
  EXPECT_TRUE(first->Finish().ok());
  EXPECT_TRUE(admission_->WaitIdle(milliseconds(10000)));
  EXPECT_EQ(asked, 1);
}

TEST_F(GrpcLifetime, AClientThatStopsReadingIsDroppedAndHoldsNoThread) {
  AskForever(4096);
  Start();
  grpc::ClientContext context;
  const auto reader = answers_->Ask(&context, {});
  v1::AskResponse event;
  ASSERT_TRUE(reader->Read(&event));
  // Not another read. 4 KiB a millisecond fill the windows and the queue in a second.
  EXPECT_TRUE(Eventually([&] { return api_.stopped == 1 && RunningAnswers() == 0; }));
  EXPECT_TRUE(AskCountedAs("RESOURCE_EXHAUSTED")) << metrics_.Text();
  // What may lie between the two: both sides' windows and buffers and the queue.
  EXPECT_LT(emitted_ * 4096, 8 << 20);
  while (reader->Read(&event)) {
  }
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
}

TEST_F(GrpcLifetime, SearchesAreAnsweredBesideAClientThatStopsReading) {
  AskForever(4096);
  Start();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::AskResponse>>> readers;
  for (int i = 0; i < 8; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(answers_->Ask(contexts.back().get(), {}));
  }
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    context.set_deadline(Soon());
    v1::SearchResponse response;
    EXPECT_TRUE(answers_->Search(&context, {}, &response).ok());
  }
  for (auto& context : contexts) context->TryCancel();
  for (auto& reader : readers) reader->Finish();
}

TEST_F(GrpcLifetime, DrainLetsAnAnswerEndAndRefusesNewCalls) {
  std::atomic<bool> release{false};
  api_.ask = [&](const v1::AskRequest&, const CallContext& call, const auto& emit) {
    emit(testing::ScriptedApi::PassagesEvent());
    while (!release) {
      FOOTNOTE_RETURN_IF_ERROR(call.Check());
      std::this_thread::sleep_for(milliseconds(1));
    }
    emit(testing::ScriptedApi::AnswerEvent("whole"));
    return OkStatus();
  };
  Start();
  grpc::ClientContext context;
  const auto reader = answers_->Ask(&context, {});
  v1::AskResponse event;
  ASSERT_TRUE(reader->Read(&event));
  std::thread drain([&] { server_->Drain(std::chrono::seconds(20)); });
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext own;
    own.set_deadline(Soon());
    v1::SearchResponse response;
    const grpc::Status status = answers_->Search(&own, {}, &response);
    return status.error_code() == grpc::StatusCode::UNAVAILABLE;
  }));
  release = true;
  EXPECT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.answer().answer(), "whole");
  EXPECT_TRUE(reader->Finish().ok());
  drain.join();
}

TEST_F(GrpcLifetime, DrainOutOfPatienceCancels) {
  AskForever(0);
  Start();
  grpc::ClientContext context;
  const auto reader = answers_->Ask(&context, {});
  ASSERT_TRUE(Eventually([&] { return RunningAnswers() == 1; }));
  server_->Drain(milliseconds(50));
  EXPECT_EQ(api_.stopped, 1);
  EXPECT_FALSE(reader->Finish().ok());
  server_->Drain(milliseconds(50));  // again: nothing
}

TEST_F(GrpcLifetime, AfterAdmissionsDrainCallsAreUnavailable) {
  Start();
  admission_->BeginDrain();
  grpc::ClientContext context;
  v1::SearchResponse response;
  const grpc::Status status = answers_->Search(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_NE(status.error_message().find("shutting down"), std::string::npos);
}

TEST_F(GrpcLifetime, APortInUseIsSaidWithTheRemedy) {
  Start();
  const auto second = GrpcServer::Start({server_->address()}, &api_, admission_.get(), &metrics_);
  EXPECT_STATUS(second, kUnavailable, "cannot listen on " + server_->address());
  EXPECT_STATUS(second, kUnavailable, "choose another with --listen");
}

TEST_F(GrpcLifetime, ListensOnThisMachineOnly) {
  admission_ = std::make_unique<Admission>(AdmissionLimits{});
  const auto start = [&](const std::string& address) {
    return GrpcServer::Start({address}, &api_, admission_.get(), &metrics_);
  };
  for (const char* address : {"0.0.0.0:0", "[::]:0", "192.168.1.1:0", "example.org:0",
                              "128.0.0.1:0", "127.0.0.1.example.org:0", "[::ffff:10.0.0.1]:0"}) {
    SCOPED_TRACE(address);
    EXPECT_STATUS(start(address), kInvalidArgument, "until identities exist");
  }
  for (const char* address : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                              "127.0.0.1:-1", "::1:0", "[127.0.0.1]:0", "unix:/tmp/x"}) {
    SCOPED_TRACE(address);
    EXPECT_STATUS(start(address), kInvalidArgument, "--listen");
  }
  for (const char* address : {"127.0.0.1:0", "127.9.8.7:0", "localhost:0"}) {
    const auto started = start(address);
    EXPECT_OK(started) << address;
    EXPECT_GT((*started)->port(), 0);
  }
}

int ThreadsOfThisProcess() {
  int threads = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    static_cast<void>(task);
    ++threads;
  }
  return threads;
}

TEST_F(GrpcLifetime, IdleConnectionsHoldNoThreads) {
  constexpr int kConnections = 500;
  // Both ends are in this process; many shells allow 1,024 descriptors.
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  Start();
  ASSERT_TRUE(channel_->WaitForConnected(Soon()));
  const int threads_before = ThreadsOfThisProcess();
  std::vector<std::shared_ptr<grpc::Channel>> idle;
  idle.reserve(kConnections);
  for (int i = 0; i < kConnections; ++i) idle.push_back(NewChannel());
  for (auto& connection : idle) connection->GetState(/*try_to_connect=*/true);
  for (auto& connection : idle) ASSERT_TRUE(connection->WaitForConnected(Soon()));
  // gRPC's own pools grow with work, by a few.
  EXPECT_LT(ThreadsOfThisProcess(), threads_before + 32);
  grpc::ClientContext context;
  context.set_deadline(Soon());
  v1::SearchResponse response;
  EXPECT_TRUE(answers_->Search(&context, {}, &response).ok());
}

// A peer that speaks no HTTP/2 is disconnected, and the others notice nothing.
TEST_F(GrpcLifetime, ForeignBytesEndTheirConnectionOnly) {
  Start();
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(server_->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(1 << 16, '\xff');
  EXPECT_GT(send(fd, request.data(), request.size(), MSG_NOSIGNAL), 0);
  char buffer[4096];
  timeval timeout{20, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ssize_t got = 1;
  while (got > 0) got = recv(fd, buffer, sizeof buffer, 0);
  EXPECT_TRUE(got == 0 || errno == ECONNRESET) << "the connection stayed open";
  close(fd);
  grpc::ClientContext context;
  v1::SearchResponse response;
  EXPECT_TRUE(answers_->Search(&context, {}, &response).ok());
}

}  // namespace
}  // namespace footnote::server
