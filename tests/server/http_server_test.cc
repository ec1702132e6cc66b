#include "server/http_server.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/server/http_fixture.h"

namespace footnote::server {
namespace {

using std::chrono::milliseconds;
using testing::ExpectGrewAtMost;
using testing::HttpClient;
using testing::ResidentBytes;

constexpr const char* kAsk = "/api/v1/corpora/legal/ask";
constexpr const char* kSearch = "/api/v1/corpora/legal/search";
constexpr const char* kEvents = "Accept: text/event-stream\r\n";

class HttpServerTest : public testing::HttpFixture {};

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
  // Line by line, each small, and cut where Beast's own limit does not see what came before.
  HttpClient drip(port());
  drip.Send("GET /healthz HTTP/1.1\r\n" + host + "X");
  for (int i = 0; i < 40; ++i) {
    std::this_thread::sleep_for(milliseconds(2));
    drip.Send(": " + std::string(1000, 'x') + "\r\nX");
  }
  drip.Send(": x\r\n\r\n");
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
    EXPECT_NE(response.body.find("64 MiB"), std::string::npos) << response.body;
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
  ExpectGrewAtMost(24 << 20, before);
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
