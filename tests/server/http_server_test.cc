#include "server/http_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/server/http_fixture.h"

namespace footnote::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HttpClient;
using testing::ScriptedApi;

constexpr const char* kAsk = "/api/v1/corpora/legal/ask";
constexpr const char* kSearch = "/api/v1/corpora/legal/search";
constexpr const char* kQuestion = R"({"question":"q"})";
constexpr const char* kEvents = "Accept: text/event-stream\r\n";

class HttpServerTest : public testing::HttpFixture {
 protected:
  HttpServerTest() {
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

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t Threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  api.search = [](const v1::SearchRequest& request, const CallContext&) {
    // The first one is the slowest.
    if (request.query() == "1") std::this_thread::sleep_for(milliseconds(100));
    v1::SearchResponse response;
    response.add_passages()->set_text(request.query());
    return response;
  };
  Start();
  HttpClient client(port());
  std::string requests;
  for (const std::string query : {"1", "2", "3"}) {
    requests += client.Request("POST", kSearch, "Content-Type: application/json\r\n",
                               "{\"query\":\"" + query + "\"}");
  }
  ASSERT_TRUE(client.Send(requests + client.Request("GET", "/healthz")));
  for (const std::string query : {"1", "2", "3"}) {
    EXPECT_NE(client.Read().body.find("\"text\":\"" + query + "\""), std::string::npos);
  }
  EXPECT_EQ(client.Read().body, "ok\n");
}

TEST_F(HttpServerTest, ReadsRequestsThatComeByteByByte) {
  Start();
  HttpClient client(port());
  for (const char byte :
       client.Request("POST", kSearch, "Content-Type: application/json\r\n", R"({"query":"x"})")) {
    ASSERT_TRUE(client.Send(std::string(1, byte)));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(HttpServerTest, ClosesWhenHttp10OrTheClientAsksForIt) {
  Start();
  const std::string host = "Host: localhost:" + std::to_string(port()) + "\r\n";
  HttpClient old(port());
  old.Send("GET /healthz HTTP/1.0\r\n" + host + "\r\n");
  EXPECT_EQ(old.Read().Header("Connection"), "close");
  EXPECT_TRUE(old.WaitForClose());
  HttpClient kept(port());
  kept.Send("GET /healthz HTTP/1.0\r\n" + host + "Connection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.Read().Header("Connection"), "keep-alive");
  EXPECT_EQ(kept.Call("GET", "/healthz", "Connection: close\r\n").Header("Connection"), "close");
  EXPECT_TRUE(kept.WaitForClose());
  // A stream has no length and, in 1.0, no chunks.
  HttpClient stream(port());
  stream.Send(std::string("POST ") + kAsk + " HTTP/1.0\r\n" + host + kEvents +
              "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const auto response = stream.Read();
  EXPECT_EQ(response.body.rfind("event: passages\n", 0), 0U) << response.body;
  EXPECT_EQ(response.Header("Transfer-Encoding"), "");
}

TEST_F(HttpServerTest, AnswersMalformedRequestsAndCloses) {
  Start();
  const std::string host = "Host: localhost:" + std::to_string(port()) + "\r\n";
  const auto status_of = [&](const std::string& bytes) {
    HttpClient client(port());
    client.Send(bytes);
    const int status = client.Read().status;
    EXPECT_TRUE(client.WaitForClose()) << bytes.substr(0, 200);
    return status;
  };
  EXPECT_EQ(status_of("\x16\x03\x01 hello, this is not HTTP\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /healthz\r\n\r\n"), 400);
  EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\n" + host + "no colon\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\n" + host +
                      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"), 501);
  EXPECT_EQ(
      status_of("GET /healthz HTTP/1.1\r\n" + host + "X: " + std::string(20000, 'x') + "\r\n\r\n"),
      431);
  HttpClient drip(port());  // line by line, each small
  drip.Send("GET /healthz HTTP/1.1\r\n" + host);
  for (int i = 0; i < 40; ++i) {
    drip.Send("X: " + std::string(1000, 'x') + "\r\n");
    std::this_thread::sleep_for(milliseconds(2));
  }
  EXPECT_EQ(drip.Read().status, 431);
}

TEST_F(HttpServerTest, RefusesLargeBodiesWithoutKeepingThem) {
  Start();
  const std::string upload = "/api/v1/corpora/legal/documents?file_name=a.md";
  const std::string ours = "X-Footnote-Request: 1\r\n";
  HttpClient(port()).Call("GET", "/healthz");
  const int64_t before = ResidentBytes();
  {
    // Told by its length: the answer comes before the body.
    HttpClient client(port());
    client.Send(client.Request("POST", upload, ours + "Content-Length: 104857600\r\n"));
    const auto response = client.Read();
    EXPECT_EQ(response.status, 413);
    EXPECT_NE(response.body.find("67108864 bytes"), std::string::npos) << response.body;
    EXPECT_EQ(response.Header("Connection"), "close");
  }
  const std::string piece(1 << 20, 'x');
  {
    // A client that sends all of it before it reads sees the answer, too.
    HttpClient client(port());
    client.Send(client.Request("POST", upload, ours + "Content-Length: 104857600\r\n"));
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.Send(piece)) << i;
    EXPECT_EQ(client.Read().status, 413);
  }
  {
    // Without a length the limit is noticed when it is passed.
    HttpClient client(port());
    client.Send(client.Request("POST", upload, ours + "Transfer-Encoding: chunked\r\n"));
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.Send("100000\r\n" + piece + "\r\n")) << i;
    EXPECT_EQ(client.Read().status, 413);
  }
  HttpClient client(port());
  EXPECT_EQ(client.PostJson(kSearch, "{\"query\":\"" + std::string(2 << 20, 'x') + "\"}").status,
            413);
  EXPECT_LT(ResidentBytes() - before, 24 << 20);
  EXPECT_TRUE(Eventually([&] { return api.sessions_open == 0; }));
}

TEST_F(HttpServerTest, TellsToContinueOnlyWhenTheBodyIsWelcome) {
  Start();
  const std::string headers = "Expect: 100-continue\r\nContent-Type: application/json\r\n";
  HttpClient client(port());
  client.Send(client.Request("POST", kSearch, headers + "Content-Length: 13\r\n"));
  EXPECT_EQ(client.Read().status, 100);
  client.Send(R"({"query":"x"})");
  EXPECT_EQ(client.Read().status, 200);
  client.Send(client.Request("POST", kSearch, headers + "Content-Length: 99999999\r\n"));
  EXPECT_EQ(client.Read().status, 413);
}

TEST_F(HttpServerTest, CancelsTheCallOfAClientThatLeaves) {
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

TEST_F(HttpServerTest, ForgetsAnUploadWhoseClientLeaves) {
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

TEST_F(HttpServerTest, DropsAClientThatStopsReading) {
  AskForever(64 << 10);
  options.limits.queue_patience = milliseconds(200);
  Start();
  HttpClient client(port(), 4096);
  const int64_t before = ResidentBytes();
  client.Send(client.Request(
      "POST", kAsk, std::string(kEvents) + "Content-Type: application/json\r\n", kQuestion));
  EXPECT_TRUE(Eventually([&] { return api.stopped == 1; }));
  EXPECT_TRUE(Eventually([&] { return connections == 0; }));
  EXPECT_LT(ResidentBytes() - before, 8 << 20);
}

TEST_F(HttpServerTest, DropsAClientThatDoesNotTakeALargeReply) {
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

TEST_F(HttpServerTest, HoldsAThousandIdleConnections) {
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
  EXPECT_LT(ResidentBytes() - before, 8 << 20);
}

TEST_F(HttpServerTest, RefusesConnectionsBeyondItsLimit) {
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

TEST_F(HttpServerTest, EndsWhatTakesTooLong) {
  options.limits.head_timeout = milliseconds(100);
  options.limits.body_timeout = milliseconds(100);
  options.limits.idle_timeout = milliseconds(300);
  Start();
  HttpClient head(port());
  head.Send("GET /healthz HT");
  EXPECT_EQ(head.Read().status, 408);
  HttpClient body(port());
  body.Send(
      body.Request("POST", kSearch, "Content-Type: application/json\r\nContent-Length: 9\r\n") +
      "{");
  EXPECT_EQ(body.Read().status, 408);
  EXPECT_TRUE(body.WaitForClose());
  HttpClient idle(port());
  EXPECT_EQ(idle.Call("GET", "/healthz").status, 200);
  EXPECT_TRUE(idle.WaitForClose());
}

TEST_F(HttpServerTest, RefusesCallsThatWouldWaitTooLong) {
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

TEST_F(HttpServerTest, DrainLetsARunningStreamEnd) {
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

TEST_F(HttpServerTest, DrainCancelsWhatIsNotDoneInTime) {
  AskForever(10);
  Start();
  HttpClient client(port());
  client.Send(client.Request("POST", kAsk, "Content-Type: application/json\r\n", kQuestion));
  ASSERT_TRUE(Eventually([&] { return admission->load(WorkKind::kAnswer).running == 1; }));
  EXPECT_FALSE(server->Drain(milliseconds(50)));
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_TRUE(Eventually([&] { return api.stopped == 1; }));
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  Start();
  HttpOptions second;
  const auto handler = MakeHttpApi(api, metrics, {});
  second.listen = server->address();
  EXPECT_STATUS(HttpServer::Start(second, handler, *admission), kUnavailable,
                "cannot listen on " + server->address() +
                    ": address already in use; choose another with --http");
  for (const char* outside : {"0.0.0.0:0", "192.168.1.1:80", "[::]:0", "example.com:80"}) {
    second.listen = outside;
    EXPECT_STATUS(HttpServer::Start(second, handler, *admission), kInvalidArgument, "identities");
  }
  for (const char* malformed : {"", "8080", ":8080", "127.0.0.1:", "127.0.0.1:65536", "[::1:80"}) {
    second.listen = malformed;
    EXPECT_STATUS(HttpServer::Start(second, handler, *admission), kInvalidArgument,
                  "not an address");
  }
  second.listen = "localhost:0";
  auto started = HttpServer::Start(second, handler, *admission);
  ASSERT_OK(started);
  EXPECT_NE((*started)->port(), 0);
}

}  // namespace
}  // namespace footnote::server
