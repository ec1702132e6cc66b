#include "server/http_api.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/server/http_fixture.h"

namespace footnote::server {
namespace {

using testing::HttpClient;
using testing::HttpResponse;
using Json = nlohmann::json;

class HttpApi : public testing::HttpFixture {};

TEST(ErrorReply, SaysWhenToTryAgainInWholeSeconds) {
  const auto retry_after = [](const Status& status) {
    std::string value;
    for (const auto& [name, text] : ErrorReply(status).headers) {
      if (name == "Retry-After") value = text;
    }
    return value;
  };
  const Status full = ResourceExhaustedError("full");
  EXPECT_EQ(retry_after(full), "1");
  EXPECT_EQ(retry_after(full.WithRetryAfter(std::chrono::milliseconds(80))), "1");
  EXPECT_EQ(retry_after(full.WithRetryAfter(std::chrono::milliseconds(2001))), "3");
  EXPECT_EQ(retry_after(NotFoundError("no")), "");
}

Json Parsed(const HttpResponse& response) {
  return Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
}

// The error's fields, checked against the reply's own status.
void ExpectError(const HttpResponse& response, int status, const std::string& name,
                 const std::string& message_part) {
  EXPECT_EQ(response.status, status) << response.body;
  const Json error = Parsed(response).value("error", Json());
  ASSERT_TRUE(error.is_object()) << response.body;
  EXPECT_EQ(error["code"], status);
  EXPECT_EQ(error["status"], name);
  EXPECT_NE(error["message"].get<std::string>().find(message_part), std::string::npos)
      << response.body;
}

TEST_F(HttpApi, AnswersEachUnaryRoute) {
  Start();
  HttpClient client(port());
  auto response = client.PostJson("/api/v1/corpora/legal/search", R"({"query":"notice"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Parsed(response)["passages"][0]["text"], "notice");
  EXPECT_EQ(Parsed(response)["generation"], "7");  // 64 bits are a string in protobuf's JSON
  EXPECT_EQ(response.Header("Content-Type"), "application/json");
  EXPECT_EQ(response.Header("Cache-Control"), "no-store");

  response = client.PostJson("/api/v1/grounding/check", R"({"text":"12345"})");
  EXPECT_EQ(Parsed(response)["claims"][0]["end_byte"], 5);
  EXPECT_EQ(Parsed(response)["claims"][0]["supported"], false);  // defaults are written too
  EXPECT_EQ(Parsed(client.Call("GET", "/api/v1/corpora"))["corpora"][0]["name"], "legal");
  response = client.PostJson("/api/v1/corpora", R"({"name":"contracts"})");
  EXPECT_EQ(Parsed(response)["name"], "contracts");
  EXPECT_EQ(Parsed(client.Call("GET", "/api/v1/corpora/legal"))["name"], "legal");
  response = client.Call("GET", "/api/v1/corpora/legal/documents?page_size=5");
  EXPECT_EQ(Parsed(response)["documents"][0]["document_id"], "legal/1");
  response = client.Call("DELETE", "/api/v1/corpora/legal/documents/a");
  EXPECT_EQ(Parsed(response)["generation"], "8");
  EXPECT_EQ(Parsed(client.Call("GET", "/api/v1/models"))["models"][0]["name"], "scripted");
}

TEST_F(HttpApi, DecodesIdsAndFillsFieldsFromPathAndQuery) {
  Start();
  HttpClient client(port());
  const auto response = client.Call(
      "GET", "/api/v1/corpora/legal/documents/a%2Fb%20%C3%A9.md?start_byte=3&endByte=9");
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(Parsed(response)["document_id"], "a/b é.md");
  // The path wins over the body.
  std::string corpus;
  api.search = [&](const v1::SearchRequest& request, const CallContext&) {
    corpus = request.corpus() + " " + std::to_string(request.top_k());
    return v1::SearchResponse();
  };
  client.PostJson("/api/v1/corpora/legal/search?top_k=3",
                  R"({"query":"x","corpus":"secret","topK":9})");
  EXPECT_EQ(corpus, "legal 3");
}

TEST_F(HttpApi, TakesDiversityAsANumber) {
  Start();
  HttpClient client(port());
  double diversity = 0;
  uint32_t most = 0;
  api.search = [&](const v1::SearchRequest& request, const CallContext&) {
    diversity = request.diversity();
    most = request.max_per_document();
    return v1::SearchResponse();
  };
  const std::string search = "/api/v1/corpora/legal/search";
  client.PostJson(search, R"({"query":"x","diversity":0.25,"max_per_document":3})");
  EXPECT_EQ(diversity, 0.25);
  EXPECT_EQ(most, 3U);
  client.PostJson(search + "?diversity=0.5", R"({"query":"x"})");
  EXPECT_EQ(diversity, 0.5);
  ExpectError(client.PostJson(search, R"({"query":"x","diversity":"much"})"), 400,
              "INVALID_ARGUMENT", "diversity");
}

TEST_F(HttpApi, NamesWhatIsWrongWithARequest) {
  Start();
  HttpClient client(port());
  const std::string search = "/api/v1/corpora/legal/search";
  ExpectError(client.PostJson(search, R"({"qestion":"x"})"), 400, "INVALID_ARGUMENT", "qestion");
  ExpectError(client.PostJson(search, R"({"query":)"), 400, "INVALID_ARGUMENT", "not JSON");
  ExpectError(client.PostJson(search, R"({"top_k":"many"})"), 400, "INVALID_ARGUMENT", "top_k");
  ExpectError(client.PostJson(search, "[1]"), 400, "INVALID_ARGUMENT", "SearchRequest");
  ExpectError(client.PostJson(search, "{\"query\":\"\xff\"}"), 400, "INVALID_ARGUMENT", "UTF-8");
  ExpectError(client.PostJson(search, std::string(100000, '[')), 400, "INVALID_ARGUMENT", "");
  ExpectError(client.Call("GET", "/api/v1/corpora/legal/documents?page_sise=5"), 400,
              "INVALID_ARGUMENT", "page_sise");
  ExpectError(client.Call("GET", "/api/v1/corpora/legal/documents?page_size=-5"), 400,
              "INVALID_ARGUMENT", "page_size");
  ExpectError(client.Call("GET", "/api/v1/corpora/legal/documents?page_size=99999999999"), 400,
              "INVALID_ARGUMENT", "page_size");
  ExpectError(client.Call("GET", "/api/v1/corpora/%zz"), 400, "INVALID_ARGUMENT", "%25");
  ExpectError(client.Call("GET", "/api/v1/corpora/%ff"), 400, "INVALID_ARGUMENT", "UTF-8");
  ExpectError(client.Call("GET", "/api/v1/corpora/secret"), 404, "NOT_FOUND", "secret");
  ExpectError(client.Call("GET", "/api/v2"), 404, "NOT_FOUND", "GET /api/v1/corpora");
  ExpectError(client.Call("GET", "/api/v1/corpora//documents"), 404, "NOT_FOUND", "");
  const auto response = client.Call("PUT", "/api/v1/corpora/legal/documents/a");
  ExpectError(response, 405, "UNIMPLEMENTED", "PUT");
  EXPECT_EQ(response.Header("Allow"), "GET, DELETE");
}

TEST_F(HttpApi, TakesJsonOnlyAsJson) {
  Start();
  HttpClient client(port());
  const std::string search = "/api/v1/corpora/legal/search";
  for (const std::string type : {"", "Content-Type: text/plain\r\n",
                                 "Content-Type: application/x-www-form-urlencoded\r\n"}) {
    HttpClient own(port());
    ExpectError(own.Call("POST", search, type, "{}"), 415, "INVALID_ARGUMENT", "application/json");
  }
  EXPECT_EQ(
      client.Call("POST", search, "Content-Type: Application/JSON; charset=utf-8\r\n", "{}").status,
      200);
}

TEST_F(HttpApi, StreamsAnAnswerAsEventsInOrder) {
  Start();
  HttpClient client(port());
  const auto response = client.PostJson("/api/v1/corpora/legal/ask", R"({"question":"q"})",
                                        "Accept: text/event-stream\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("Content-Type"), "text/event-stream");
  EXPECT_EQ(response.Header("Cache-Control"), "no-store");
  std::vector<std::string> names;
  std::istringstream lines(response.body);
  std::string last_data;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("event: ", 0) == 0) names.push_back(line.substr(7));
    if (line.rfind("data: ", 0) == 0) last_data = line.substr(6);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"passages", "sentence", "sentence", "answer"}));
  EXPECT_EQ(Json::parse(last_data)["answer"], "About q");
  // The connection goes on, and without Accept the answer comes alone.
  EXPECT_EQ(Parsed(client.PostJson("/api/v1/corpora/legal/ask", R"({"question":"q"})"))["answer"],
            "About q");
}

TEST_F(HttpApi, SumsUpAsAnAnswerOrAsItsEvents) {
  Start();
  HttpClient client(port());
  const std::string body = R"({"document_ids":["a/b.md","c"]})";
  auto response = client.PostJson("/api/v1/corpora/legal/summarize", body);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Parsed(response)["answer"], "Summary of a/b.md c");
  response =
      client.PostJson("/api/v1/corpora/legal/summarize", body, "Accept: text/event-stream\r\n");
  EXPECT_EQ(response.Header("Content-Type"), "text/event-stream");
  EXPECT_LT(response.body.find("event: sentence"), response.body.find("event: answer"));
  response = client.PostJson("/api/v1/corpora/legal/summarize", R"({"documents":["a"]})");
  EXPECT_EQ(response.status, 400) << "a misspelt field is not ignored";
}

TEST_F(HttpApi, TellsAnErrorAsStatusBeforeTheFirstEventAndAsEventAfterIt) {
  bool emit_first = false;
  api.ask = [&](const v1::AskRequest&, const CallContext&,
                const testing::ScriptedApi::AskSink& emit) {
    if (emit_first) emit(testing::ScriptedApi::PassagesEvent());
    return UnavailableError("the model is loading");
  };
  Start();
  HttpClient client(port());
  const std::string accept = "Accept: text/event-stream\r\n";
  auto response = client.PostJson("/api/v1/corpora/legal/ask", R"({"question":"q"})", accept);
  ExpectError(response, 503, "UNAVAILABLE", "loading");
  EXPECT_EQ(response.Header("Retry-After"), "1");
  emit_first = true;
  response = client.PostJson("/api/v1/corpora/legal/ask", R"({"question":"q"})", accept);
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find("event: error\ndata: {\"error\":{\"code\":503,"), std::string::npos)
      << response.body;
}

TEST_F(HttpApi, ImportsAFileInPieces) {
  std::vector<std::pair<std::string, size_t>> files;
  api.import = [&](const auto& came, const CallContext&, const auto& emit) {
    files = came;
    v1::ImportDocumentsResponse event;
    event.mutable_progress()->set_phase("embedding");
    emit(event);
    event.mutable_report()->set_added(1);
    emit(event);
    return OkStatus();
  };
  Start();
  HttpClient client(port());
  const std::string target = "/api/v1/corpora/legal/documents?file_name=a%2Fb.md";
  const std::string ours = "X-Footnote-Request: 1\r\n";
  const std::string body(5'000'000, 'x');
  EXPECT_EQ(Parsed(client.Call("POST", target, ours, body))["added"], 1);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0], (std::pair<std::string, size_t>("a/b.md", 5'000'000)));
  // Chunked, and as events.
  client.Send("POST " + target + " HTTP/1.1\r\nHost: " + client.host() + "\r\n" + ours +
              "Accept: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
              "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  const auto response = client.Read();
  EXPECT_EQ(files[0].second, 11U);
  EXPECT_EQ(response.body.rfind("event: progress\n", 0), 0U);
  EXPECT_NE(response.body.find("event: report\n"), std::string::npos);
  // An empty file is a file.
  EXPECT_EQ(client.Call("POST", target, ours + "Content-Length: 0\r\n").status, 200);
  EXPECT_EQ(files[0].second, 0U);
  ExpectError(client.Call("POST", "/api/v1/corpora/legal/documents", ours, "x"), 400,
              "INVALID_ARGUMENT", "file_name");
  EXPECT_TRUE(Eventually([&] { return api.sessions_open == 0; }));
}

TEST_F(HttpApi, RefusesUploadsThatAnotherSitesFormCouldSend) {
  Start();
  const std::string target = "/api/v1/corpora/legal/documents?file_name=a.md";
  const auto upload = [&](const std::string& headers) {
    HttpClient client(port());
    return client.Call("POST", target, headers, "x");
  };
  ExpectError(upload("Content-Type: text/plain\r\n"), 403, "PERMISSION_DENIED",
              "X-Footnote-Request");
  ExpectError(upload("Content-Type: multipart/form-data; boundary=b\r\nX-Footnote-Request: 1\r\n"),
              415, "INVALID_ARGUMENT", "file itself");
  EXPECT_EQ(upload("Origin: http://localhost:" + std::to_string(port()) + "\r\n").status, 200);
  EXPECT_EQ(upload("Origin: http://evil.example\r\nX-Footnote-Request: 1\r\n").status, 403);
}

TEST_F(HttpApi, ServesThePageWithItsPolicy) {
  Start();
  HttpClient client(port());
  const auto page = client.Call("GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.Header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.Header("Content-Security-Policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  EXPECT_EQ(page.Header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(page.Header("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(page.Header("Cross-Origin-Opener-Policy"), "same-origin");
  EXPECT_EQ(page.Header("Cross-Origin-Resource-Policy"), "same-origin");
  EXPECT_EQ(page.Header("Access-Control-Allow-Origin"), "");

  const auto head = client.Call("HEAD", "/index.html");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Header("Content-Length"), std::to_string(page.body.size()));
  const std::string etag = page.Header("ETag");
  EXPECT_EQ(client.Call("GET", "/", "If-None-Match: " + etag + "\r\n").status, 304);
  // Every file of server/web/ is there, byte for byte.
  const std::filesystem::path folder =
      std::filesystem::path(FOOTNOTE_TEST_DATA) / "../../server/web";
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    const auto name = std::filesystem::relative(entry.path(), folder).generic_string();
    EXPECT_EQ(client.Call("GET", "/" + name).body, bytes.str()) << name;
    ++files;
  }
  EXPECT_GT(files, 0);
  EXPECT_EQ(client.Call("POST", "/").Header("Allow"), "GET, HEAD");
  EXPECT_EQ(client.Call("GET", "/../server/main.cc").status, 404);
}

TEST_F(HttpApi, TellsHealthReadinessAndMetrics) {
  std::atomic<bool> ready{false};
  api_options.ready = [&] { return ready.load(); };
  Start();
  HttpClient client(port());
  EXPECT_EQ(client.Call("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(client.Call("GET", "/readyz").status, 503);
  ready = true;
  EXPECT_EQ(client.Call("GET", "/readyz").status, 200);
  client.Call("GET", "/api/v1/corpora/secret");
  const auto page = client.Call("GET", "/metrics");
  EXPECT_EQ(page.Header("Content-Type").rfind("text/plain; version=0.0.4", 0), 0U);
  EXPECT_NE(page.body.find("GetCorpus"), std::string::npos) << page.body;
  EXPECT_NE(page.body.find("NOT_FOUND"), std::string::npos);
}

TEST_F(HttpApi, AnswersToItsOwnNameOnly) {
  Start();
  const std::string port_text = std::to_string(port());
  const auto with_host = [&](const std::string& lines) {
    HttpClient client(port());
    client.Send("GET /api/v1/models HTTP/1.1\r\n" + lines + "\r\n");
    return client.Read().status;
  };
  for (const std::string good : {"localhost", "LocalHost", "127.0.0.1", "127.8.8.8", "[::1]"}) {
    EXPECT_EQ(with_host("Host: " + good + ":" + port_text + "\r\n"), 200) << good;
  }
  for (const std::string& bad :
       {"evil.example:" + port_text, std::string("localhost:1"), std::string("localhost"),
        "127.0.0.1.evil.example:" + port_text, "127.1:" + port_text,
        "localhost:" + port_text + "@evil", std::string("")}) {
    EXPECT_EQ(with_host("Host: " + bad + "\r\n"), 421) << bad;
  }
  EXPECT_EQ(with_host(""), 400);
  EXPECT_EQ(with_host("Host: localhost:" + port_text + "\r\nHost: evil.example\r\n"), 400);
  const std::string host = "Host: localhost:" + port_text + "\r\n";
  EXPECT_EQ(with_host(host + "Origin: http://127.0.0.1:" + port_text + "\r\n"), 200);
  for (const std::string& bad :
       {std::string("null"), std::string("http://evil.example"), "https://localhost:" + port_text,
        std::string("http://localhost:1"), std::string("")}) {
    EXPECT_EQ(with_host(host + "Origin: " + bad + "\r\n"), 403) << bad;
  }
}

}  // namespace
}  // namespace footnote::server
