// Connections and calls that end: by their clients, by limits, by the server's own end.
#include "server/http_server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <vector>

#include "tests/server/http_fixture.h"

namespace footnote::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ExpectGrewAtMost;
using testing::HttpClient;
using testing::ResidentBytes;
using testing::ScriptedApi;

constexpr const char* kAsk = "/api/v1/corpora/legal/ask";
constexpr const char* kSearch = "/api/v1/corpora/legal/search";
constexpr const char* kQuestion = R"({"question":"q"})";
constexpr const char* kEvents = "Accept: text/event-stream\r\n";

class HttpLifetimeTest : public testing::HttpFixture {
 public:
  HttpLifetimeTest() {
    options.on_connection = [this](int change) { connections += change; };
  }

  // Asks for events until the call is told to stop; each one `event_bytes` long.
  void AskForever(size_t event_bytes) {
    api.ask = [this, event_bytes](const v1::AskRequest&, const CallContext& call,
                                  const ScriptedApi::AskSink& emit) {
      const auto event = ScriptedApi::SentenceEvent(std::string(event_bytes, 'x'));
      return api.RunUntilStopped(call, [&] { emit(event); });
    };
  }

  std::atomic<int> connections{0};
};

int64_t Threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

TEST_F(HttpLifetimeTest, CancelsTheCallOfAClientThatLeaves) {
  AskForever(10);
  Start();
  for (const std::string accept : {kEvents, ""}) {
    const int stopped_before = api.stopped;
    HttpClient client(port());
    client.Send(
        client.Request("POST", kAsk, accept + "Content-Type: application/json\r\n", kQuestion));
    ASSERT_TRUE(Eventually([&] { return admission->load(WorkKind::kAnswer).running == 1; }));
    if (!accept.empty()) {
      EXPECT_NE(client.ReadUntil("event: sentence"), std::string::npos);
    }
    const auto left = std::chrono::steady_clock::now();
    client.Close();
    EXPECT_TRUE(Eventually([&] { return api.stopped == stopped_before + 1; }));
    EXPECT_LT(std::chrono::steady_clock::now() - left, seconds(1));
  }
  EXPECT_TRUE(Eventually([&] { return connections == 0; }));
}

TEST_F(HttpLifetimeTest, ForgetsAnUploadWhoseClientLeaves) {
  Start();
  HttpClient client(port());
  client.Send(client.Request("POST", "/api/v1/corpora/legal/documents?file_name=a.md",
                             "X-Footnote-Request: 1\r\nContent-Length: 60000000\r\n"));
  client.Send(std::string(3 << 20, 'x'));
  ASSERT_TRUE(Eventually([&] { return api.sessions_open == 1; }));
  client.Close();
  EXPECT_TRUE(Eventually([&] { return api.sessions_open == 0; }));
  EXPECT_NE(metrics.Text().find("CANCELLED"), std::string::npos);
}

TEST_F(HttpLifetimeTest, DropsAClientThatStopsReading) {
  AskForever(64 << 10);
  options.limits.queue_patience = milliseconds(200);
  Start();
  HttpClient client(port(), 4096);
  const int64_t before = ResidentBytes();
  client.Send(client.Request(
      "POST", kAsk, std::string(kEvents) + "Content-Type: application/json\r\n", kQuestion));
  EXPECT_TRUE(Eventually([&] { return api.stopped == 1; }));
  EXPECT_TRUE(Eventually([&] { return connections == 0; }));
  ExpectGrewAtMost(8 << 20, before);
}

TEST_F(HttpLifetimeTest, DropsAClientThatDoesNotTakeALargeReply) {
  api.search = [](const v1::SearchRequest&, const CallContext&) {
    v1::SearchResponse response;
    response.add_passages()->set_text(std::string(32 << 20, 'x'));
    return response;
  };
  options.limits.write_timeout = milliseconds(200);
  Start();
  HttpClient client(port(), 4096);
  client.Send(client.Request("POST", kSearch, "Content-Type: application/json\r\n", "{}"));
  ASSERT_TRUE(Eventually([&] { return connections == 1; }));
  EXPECT_TRUE(Eventually([&] { return connections == 0; }));
  // One that reads gets all of it, however large.
  HttpClient reader(port());
  EXPECT_GT(reader.PostJson(kSearch, "{}").body.size(), 32U << 20);
}

TEST_F(HttpLifetimeTest, HoldsAThousandIdleConnections) {
  Start();
  HttpClient worker(port());
  EXPECT_EQ(worker.Call("GET", "/healthz").status, 200);
  const int64_t threads = Threads();
  const int64_t before = ResidentBytes();
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.push_back(std::make_unique<HttpClient>(port()));
    ASSERT_TRUE(idle.back()->connected());
    // Every other one has made a request: it must not keep its buffers.
    if (i % 2 == 0) {
      ASSERT_EQ(idle.back()->Call("GET", "/healthz").status, 200);
    }
  }
  EXPECT_TRUE(Eventually([&] { return connections == 1001; }));
  EXPECT_EQ(worker.PostJson(kSearch, "{}").status, 200);
  EXPECT_EQ(Threads(), threads);
  ExpectGrewAtMost(8 << 20, before);
}

TEST_F(HttpLifetimeTest, RefusesConnectionsBeyondItsLimit) {
  options.limits.connections = 2;
  Start();
  HttpClient first(port());
  HttpClient second(port());
  EXPECT_EQ(first.Call("GET", "/healthz").status, 200);
  EXPECT_EQ(second.Call("GET", "/healthz").status, 200);
  HttpClient third(port());
  EXPECT_EQ(third.Read().status, 503);
  EXPECT_TRUE(third.WaitForClose());
  third.Close();
  first.Close();
  EXPECT_TRUE(Eventually([&] { return HttpClient(port()).Call("GET", "/healthz").status == 200; }));
}

TEST_F(HttpLifetimeTest, RefusesCallsThatWouldWaitTooLong) {
  std::atomic<bool> go{false};
  api.search = [&](const v1::SearchRequest&, const CallContext&) {
    while (!go) std::this_thread::sleep_for(milliseconds(1));
    return v1::SearchResponse();
  };
  AdmissionLimits limits;
  limits.lanes[static_cast<int>(WorkKind::kSearch)] = {1, 1};
  Start(limits);
  const std::string json = "Content-Type: application/json\r\n";
  HttpClient running(port());
  running.Send(running.Request("POST", kSearch, json, "{}"));
  ASSERT_TRUE(Eventually([&] { return admission->load(WorkKind::kSearch).running == 1; }));
  HttpClient waiting(port());
  waiting.Send(waiting.Request("POST", kSearch, json, "{}"));
  ASSERT_TRUE(Eventually([&] { return admission->load(WorkKind::kSearch).queued == 1; }));
  HttpClient refused(port());
  const auto response = refused.PostJson(kSearch, "{}");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.Header("Retry-After"), "1");
  EXPECT_NE(response.body.find("RESOURCE_EXHAUSTED"), std::string::npos);
  EXPECT_EQ(refused.Call("GET", "/api/v1/models").status, 200);  // the connection goes on
  go = true;
  EXPECT_EQ(running.Read().status, 200);
  EXPECT_EQ(waiting.Read().status, 200);
}

TEST_F(HttpLifetimeTest, DrainLetsARunningStreamEnd) {
  std::atomic<bool> go{false};
  api.ask = [&](const v1::AskRequest&, const CallContext& call, const ScriptedApi::AskSink& emit) {
    emit(ScriptedApi::PassagesEvent());
    while (!go && call.Check().ok()) std::this_thread::sleep_for(milliseconds(1));
    emit(ScriptedApi::AnswerEvent("the end"));
    return call.Check();
  };
  Start();
  HttpClient asking(port());
  asking.Send(asking.Request(
      "POST", kAsk, std::string(kEvents) + "Content-Type: application/json\r\n", kQuestion));
  ASSERT_NE(asking.ReadUntil("event: passages"), std::string::npos);
  HttpClient idle(port());
  ASSERT_EQ(idle.Call("GET", "/healthz").status, 200);
  bool all_answered = false;
  std::thread drain([&] { all_answered = server->Drain(seconds(20)); });
  EXPECT_TRUE(Eventually([&] { return !HttpClient(port()).connected(); }));
  const auto refused = idle.Call("GET", "/api/v1/models");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.Header("Connection"), "close");
  go = true;
  const auto response = asking.Read();
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find("the end"), std::string::npos);
  drain.join();
  EXPECT_TRUE(all_answered);
  EXPECT_EQ(connections, 0);
}

TEST_F(HttpLifetimeTest, DrainCancelsWhatIsNotDoneInTime) {
  AskForever(10);
  Start();
  HttpClient client(port());
  client.Send(client.Request("POST", kAsk, "Content-Type: application/json\r\n", kQuestion));
  ASSERT_TRUE(Eventually([&] { return admission->load(WorkKind::kAnswer).running == 1; }));
  EXPECT_FALSE(server->Drain(milliseconds(50)));
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_TRUE(Eventually([&] { return api.stopped == 1; }));
}

TEST_F(HttpLifetimeTest, StopsAlsoWhenItsTimerIsJustDue) {
  options.limits.idle_timeout = milliseconds(1);  // the shortest period, 10 ms
  for (int i = 0; i < 100; ++i) {
    Start();
    std::this_thread::sleep_for(std::chrono::microseconds(9900 + 4 * i));
    server = nullptr;
  }
}

}  // namespace
}  // namespace footnote::server
