// GrpcClient against a server in this process.

#include "server/grpc_client.h"

#include "tests/server/grpc_fixture.h"

namespace footnote::server {
namespace {

using std::chrono::milliseconds;

class GrpcClientTest : public GrpcFixture {
 protected:
  void Connect() {
    Start();
    auto connected = GrpcClient::Connect(server_->address());
    ASSERT_OK(connected);
    client_ = *std::move(connected);
  }
  std::unique_ptr<GrpcClient> client_;
};

TEST_F(GrpcClientTest, AskGivesTheEventsAndTheAnswer) {
  Connect();
  v1::AskRequest request;
  request.set_question("rent");
  int events = 0;
  ASSERT_OK_AND_ASSIGN(
      const v1::Answer answer,
      client_->Ask(request, CallContext(), [&](const v1::AskResponse&) { ++events; }));
  EXPECT_EQ(answer.answer(), "About rent");
  EXPECT_EQ(events, 4);
}

TEST_F(GrpcClientTest, SearchGivesPassages) {
  Connect();
  v1::SearchRequest request;
  request.set_query("rent");
  ASSERT_OK_AND_ASSIGN(const v1::SearchResponse found, client_->Search(request, CallContext()));
  EXPECT_EQ(found.passages(0).text(), "rent");
}

TEST_F(GrpcClientTest, ErrorsOfTheServiceKeepCodeAndMessage) {
  api_.search = [](const v1::SearchRequest&, const CallContext&) {
    return StatusOr<v1::SearchResponse>(UnavailableError("the corpus is being rebuilt"));
  };
  Connect();
  EXPECT_STATUS(client_->Search({}, CallContext()), kUnavailable, "the corpus is being rebuilt");
}

TEST_F(GrpcClientTest, NoServerIsSaidWithTheRemedy) {
  Connect();
  server_.reset();
  EXPECT_STATUS(client_->Search({}, CallContext()), kUnavailable,
                "start one with `footnote serve`");
}

TEST_F(GrpcClientTest, AStreamWithoutAnAnswerIsAnError) {
  api_.ask = [](const v1::AskRequest&, const CallContext&, const auto&) { return OkStatus(); };
  Connect();
  EXPECT_STATUS(client_->Ask({}, CallContext()), kInternal, "without an answer");
}

TEST_F(GrpcClientTest, CancelAndDeadlineStopTheServer) {
  api_.ask = [this](const v1::AskRequest&, const CallContext& call, const auto& emit) {
    emit(testing::ScriptedApi::PassagesEvent());
    return api_.RunUntilStopped(call, [] {});
  };
  Connect();
  std::stop_source stop;
  EXPECT_STATUS(client_->Ask({}, CallContext(stop.get_token()),
                             [&](const v1::AskResponse&) { stop.request_stop(); }),
                kCancelled, "the caller cancelled");
  EXPECT_TRUE(Eventually([&] { return api_.stopped == 1; }));
  const CallContext brief(std::stop_token(), CallContext::Clock::now() + milliseconds(50));
  EXPECT_STATUS(client_->Ask({}, brief), kDeadlineExceeded, "--timeout-ms");
  EXPECT_TRUE(Eventually([&] { return api_.stopped == 2; }));
}

TEST_F(GrpcClientTest, ACallThatIsCancelledAlreadyDoesNotReachTheServer) {
  std::atomic<int> asked{0};
  api_.search = [&](const v1::SearchRequest&, const CallContext&) {
    ++asked;
    return v1::SearchResponse();
  };
  Connect();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_STATUS(client_->Search({}, CallContext(stop.get_token())), kCancelled, "");
  EXPECT_EQ(asked, 0);
}

TEST_F(GrpcClientTest, ConnectsToThisMachineOnly) {
  EXPECT_STATUS(GrpcClient::Connect("example.org:443"), kInvalidArgument, "--server");
  EXPECT_STATUS(GrpcClient::Connect("127.0.0.1"), kInvalidArgument, "no port");
  EXPECT_OK(GrpcClient::Connect("localhost:50051"));
}

}  // namespace
}  // namespace footnote::server
