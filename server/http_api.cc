#include "server/http_api.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http_calls.h"
#include "server/http_guard.h"
#include "server/http_site.h"

namespace footnote::server {
namespace {

enum class Body { kNone, kJson, kFile };

struct Route {
  std::string_view method;
  std::string_view path;  // {name} is one segment, and fills the request's field of that name
  std::string_view rpc;
  WorkKind kind;
  Body body;
  CallFunction call;  // none for an import, which takes its body in pieces
};

// clang-format off
constexpr Route kRoutes[] = {
    {"POST",   "/api/v1/corpora/{corpus}/ask",                     "Ask",             WorkKind::kAnswer, Body::kJson, &CallAsk},
    {"POST",   "/api/v1/corpora/{corpus}/summarize",               "Summarize",       WorkKind::kAnswer, Body::kJson, &CallSummarize},
    {"POST",   "/api/v1/corpora/{corpus}/search",                  "Search",          WorkKind::kSearch, Body::kJson, &CallUnary<&Api::Search>},
    {"POST",   "/api/v1/grounding/check",                          "CheckGrounding",  WorkKind::kSearch, Body::kJson, &CallUnary<&Api::CheckGrounding>},
    {"GET",    "/api/v1/corpora",                                  "ListCorpora",     WorkKind::kRead,   Body::kNone, &CallUnary<&Api::ListCorpora>},
    {"POST",   "/api/v1/corpora",                                  "CreateCorpus",    WorkKind::kWrite,  Body::kJson, &CallUnary<&Api::CreateCorpus>},
    {"GET",    "/api/v1/corpora/{corpus}",                         "GetCorpus",       WorkKind::kRead,   Body::kNone, &CallUnary<&Api::GetCorpus>},
    {"GET",    "/api/v1/corpora/{corpus}/documents",               "ListDocuments",   WorkKind::kRead,   Body::kNone, &CallUnary<&Api::ListDocuments>},
    {"POST",   "/api/v1/corpora/{corpus}/documents",               "ImportDocuments", WorkKind::kWrite,  Body::kFile, nullptr},
    {"GET",    "/api/v1/corpora/{corpus}/documents/{document_id}", "GetDocument",     WorkKind::kRead,   Body::kNone, &CallUnary<&Api::GetDocument>},
    {"DELETE", "/api/v1/corpora/{corpus}/documents/{document_id}", "DeleteDocument",  WorkKind::kWrite,  Body::kNone, &CallUnary<&Api::DeleteDocument>},
    {"GET",    "/api/v1/models",                                   "ListModels",      WorkKind::kRead,   Body::kNone, &CallUnary<&Api::ListModels>},
};
// clang-format on

// The fields that the path's segments fill, or nothing when it is not of this form.
std::optional<QueryParameters> Match(std::string_view form,
                                     const std::vector<std::string>& segments) {
  QueryParameters fields;
  for (const std::string& segment : segments) {
    if (form.empty()) return std::nullopt;
    form.remove_prefix(1);
    const std::string_view part = form.substr(0, form.find('/'));
    form.remove_prefix(part.size());
    if (part.front() == '{') {
      if (segment.empty()) return std::nullopt;
      fields.emplace_back(part.substr(1, part.size() - 2), segment);
    } else if (part != segment) {
      return std::nullopt;
    }
  }
  if (!form.empty()) return std::nullopt;
  return fields;
}

// "application/json; charset=utf-8" is "application/json" here.
std::string_view MediaType(const HttpRequest& head) {
  const std::string_view value = head.Header("content-type");
  return Trimmed(value.substr(0, value.find(';')));
}

// A form of another site's page can be sent without asking us first, but not as JSON, nor with a
// header of our own; fetch can do neither without a preflight request, which nothing here answers.
// (Its Origin gives such a request away, too; this holds for browsers that do not send one.)
std::optional<HttpReply> RefuseBody(const HttpRequest& head, Body body) {
  const std::string_view type = MediaType(head);
  if (body == Body::kJson && !EqualsIgnoringCase(type, "application/json")) {
    return ErrorReply(InvalidArgumentError("the request's body must be JSON: send the header "
                                           "Content-Type: application/json"),
                      415);
  }
  if (body != Body::kFile) return std::nullopt;
  if (EqualsIgnoringCase(type, "multipart/form-data") ||
      EqualsIgnoringCase(type, "application/x-www-form-urlencoded")) {
    return ErrorReply(
        InvalidArgumentError("the request's body must be the file itself, not a form: "
                             "send the header Content-Type: application/octet-stream"),
        415);
  }
  if (head.Header("origin").empty() && head.Header("x-footnote-request").empty()) {
    return ErrorReply(
        PermissionDeniedError("an upload that does not come from the server's own "
                              "page needs the header X-Footnote-Request: 1"));
  }
  return std::nullopt;
}

// One API call: counted once, however it ends.
class ApiCall final : public HttpCall {
 public:
  ApiCall(Api& api, Metrics& metrics, const HttpApiOptions& options, const Route& route,
          CallInput input)
      : api_(api), metrics_(metrics), route_(route), input_(std::move(input)) {
    needs_.kind = route.kind;
    if (route.body == Body::kJson) needs_.body_limit_bytes = options.json_limit_bytes;
    if (route.body == Body::kFile) {
      needs_.body_limit_bytes = options.upload_limit_bytes;
      needs_.body_in_pieces = true;
      import_.emplace(api, std::move(input_));
    }
  }
  ~ApiCall() override { Observe(StatusCode::kCancelled); }

  Needs needs() const override { return needs_; }

  Status Accept(std::string piece) override {
    if (import_.has_value()) return import_->Accept(std::move(piece));
    input_.body = std::move(piece);
    return OkStatus();
  }

  void Run(const CallContext& call, HttpResponder& responder) override {
    const Status status = import_.has_value() ? import_->Finish(call, responder)
                                              : route_.call(api_, input_, call, responder);
    if (!status.ok()) responder.Fail(status);
    Observe(status.code());
  }

  void Refused(StatusCode why) override { Observe(why); }

  void Observe(StatusCode code) {
    if (std::exchange(observed_, true)) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin_;
    metrics_.ObserveCall("http", route_.rpc, code, seconds.count());
  }

 private:
  Api& api_;
  Metrics& metrics_;
  const Route& route_;
  CallInput input_;
  Needs needs_;
  std::optional<FileImport> import_;
  bool observed_ = false;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

class HttpApi final : public HttpHandler {
 public:
  HttpApi(Api& api, Metrics& metrics, HttpApiOptions options)
      : api_(api), metrics_(metrics), options_(std::move(options)) {}

  HttpPlan Begin(const HttpRequest& head) override {
    if (const auto verdict = CheckCaller(head); !verdict.status.ok()) {
      return ErrorReply(verdict.status, verdict.http_status);
    }
    const auto segments = ParsePath(head.path);
    if (!segments.ok()) return ErrorReply(segments.status());
    if (auto plan = ServeSite(head, metrics_, options_.ready)) return *std::move(plan);

    std::string allowed;
    for (const Route& route : kRoutes) {
      auto fields = Match(route.path, *segments);
      if (!fields.has_value()) continue;
      if (route.method == head.method) return BeginCall(head, route, *std::move(fields));
      allowed.append(allowed.empty() ? "" : ", ").append(route.method);
    }
    if (!allowed.empty()) return MethodNotAllowed(head, allowed);
    return ErrorReply(NotFoundError("there is nothing at " + head.path +
                                    "; begin with GET /api/v1/corpora (an id's '/' is %2F)"));
  }

 private:
  HttpPlan BeginCall(const HttpRequest& head, const Route& route, QueryParameters fields) {
    CallInput input;
    input.path = std::move(fields);
    input.wants_events = head.Header("accept").find("text/event-stream") != std::string_view::npos;
    std::optional<HttpReply> refusal = RefuseBody(head, route.body);
    if (auto query = ParseQuery(head.query); query.ok()) {
      input.query = *std::move(query);
    } else {
      refusal = ErrorReply(query.status());
    }
    auto call = std::make_shared<ApiCall>(api_, metrics_, options_, route, std::move(input));
    if (!refusal.has_value()) return call;
    call->Refused(refusal->status == 403 ? StatusCode::kPermissionDenied
                                         : StatusCode::kInvalidArgument);
    return *std::move(refusal);
  }

  Api& api_;
  Metrics& metrics_;
  const HttpApiOptions options_;
};

}  // namespace

std::shared_ptr<HttpHandler> MakeHttpApi(Api& api, Metrics& metrics, HttpApiOptions options) {
  return std::make_shared<HttpApi>(api, metrics, std::move(options));
}

}  // namespace footnote::server
