// How a request becomes a call of server/api.h, and what the call returns a reply.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/api.h"
#include "server/http_handler.h"
#include "server/http_target.h"
#include "server/http_transcode.h"

namespace footnote::server {

// A request on its way to a call. Fields are taken from the body, then from the query, then from
// the path: the later ones win.
struct CallInput {
  QueryParameters query;
  QueryParameters path;  // "corpus", "document_id"
  std::string body;      // JSON, or empty
  bool wants_events = false;
};

// Answers the request, or returns the error to answer it with.
using CallFunction = Status (*)(Api& api, const CallInput& input, const CallContext& call,
                                HttpResponder& responder);

Status ReadRequest(const CallInput& input, google::protobuf::Message& request);
Status SendMessage(const google::protobuf::Message& message, HttpResponder& responder);
// The event that is set in the oneof "event" of a streamed message, by its field's name.
Status SendEvent(const google::protobuf::Message& message, HttpResponder& responder);

namespace internal {
template <typename Request, typename Response>
Request RequestOf(StatusOr<Response> (Api::*)(const Request&));
template <typename Request, typename Response>
Request RequestOf(StatusOr<Response> (Api::*)(const Request&, const CallContext&));
}  // namespace internal

// A call with one message in and one out.
template <auto kMethod>
Status CallUnary(Api& api, const CallInput& input, const CallContext& call,
                 HttpResponder& responder) {
  decltype(internal::RequestOf(kMethod)) request;
  FOOTNOTE_RETURN_IF_ERROR(ReadRequest(input, request));
  if constexpr (std::is_invocable_v<decltype(kMethod), Api&, decltype(request)&>) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto response, (api.*kMethod)(request));
    return SendMessage(response, responder);
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto response, (api.*kMethod)(request, call));
    return SendMessage(response, responder);
  }
}

// Ask and Summarize: events as they come, or the answer alone.
Status CallAsk(Api& api, const CallInput& input, const CallContext& call, HttpResponder& responder);
Status CallSummarize(Api& api, const CallInput& input, const CallContext& call,
                     HttpResponder& responder);

// ImportDocuments, one file a request: the body goes to the session piece by piece.
class FileImport {
 public:
  FileImport(Api& api, CallInput input) : api_(api), input_(std::move(input)) {}

  Status Accept(std::string piece);
  Status Finish(const CallContext& call, HttpResponder& responder);

 private:
  Status Begin();

  Api& api_;
  const CallInput input_;
  std::unique_ptr<ImportSession> session_;
};

}  // namespace footnote::server
