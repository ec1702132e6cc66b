#include "server/http_calls.h"

#include <google/protobuf/descriptor.h>

#include <utility>

namespace footnote::server {

Status ReadRequest(const CallInput& input, google::protobuf::Message& request) {
  if (!input.body.empty()) FOOTNOTE_RETURN_IF_ERROR(FromJson(input.body, request));
  for (const auto* parameters : {&input.query, &input.path}) {
    for (const auto& [name, text] : *parameters) {
      FOOTNOTE_RETURN_IF_ERROR(SetField(name, text, request));
    }
  }
  return OkStatus();
}

Status SendMessage(const google::protobuf::Message& message, HttpResponder& responder) {
  HttpReply reply;
  FOOTNOTE_ASSIGN_OR_RETURN(reply.body, ToJson(message));
  reply.body.push_back('\n');
  responder.Send(std::move(reply));
  return OkStatus();
}

Status SendEvent(const google::protobuf::Message& message, HttpResponder& responder) {
  const auto* events = message.GetDescriptor()->FindOneofByName("event");
  const auto& reflection = *message.GetReflection();
  const auto* field = reflection.GetOneofFieldDescriptor(message, events);
  if (field == nullptr) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string json, ToJson(reflection.GetMessage(message, field)));
  responder.Event(field->name(), json);
  return OkStatus();
}

namespace {

// A call whose stream ends with an answer.
template <typename Request, typename Method>
Status CallAnswering(Method method, Api& api, const CallInput& input, const CallContext& call,
                     HttpResponder& responder) {
  Request request;
  FOOTNOTE_RETURN_IF_ERROR(ReadRequest(input, request));
  v1::Answer answer;
  Status sent;
  FOOTNOTE_RETURN_IF_ERROR((api.*method)(request, call, [&](const v1::AskResponse& response) {
    if (input.wants_events) {
      if (sent.ok()) sent = SendEvent(response, responder);
    } else if (response.has_answer()) {
      answer = response.answer();
    }
  }));
  if (input.wants_events) return sent;
  return SendMessage(answer, responder);
}

}  // namespace

Status CallAsk(Api& api, const CallInput& input, const CallContext& call,
               HttpResponder& responder) {
  return CallAnswering<v1::AskRequest>(&Api::Ask, api, input, call, responder);
}

Status CallSummarize(Api& api, const CallInput& input, const CallContext& call,
                     HttpResponder& responder) {
  return CallAnswering<v1::SummarizeRequest>(&Api::Summarize, api, input, call, responder);
}

Status FileImport::Begin() {
  if (session_ != nullptr) return OkStatus();
  v1::ImportDocumentsRequest start;
  v1::ImportDocumentsRequest file;
  for (const auto& [name, text] : input_.query) {
    if (name != "file_name" && name != "fileName") {
      return InvalidArgumentError("there is no parameter " + Quoted(name) + "; known: file_name");
    }
    if (file.has_file()) {
      return InvalidArgumentError("a request imports one file: give \"file_name\" once");
    }
    file.mutable_file()->set_file_name(text);
  }
  if (!file.has_file() || file.file().file_name().empty()) {
    return InvalidArgumentError(
        "the parameter \"file_name\" is missing: write ...?file_name=NAME, the document's id");
  }
  FOOTNOTE_RETURN_IF_ERROR(SetField("corpus", input_.path.front().second, *start.mutable_start()));
  session_ = api_.StartImport();
  FOOTNOTE_RETURN_IF_ERROR(session_->Accept(start));
  return session_->Accept(file);
}

Status FileImport::Accept(std::string piece) {
  FOOTNOTE_RETURN_IF_ERROR(Begin());
  v1::ImportDocumentsRequest content;
  content.set_content(std::move(piece));
  return session_->Accept(content);
}

Status FileImport::Finish(const CallContext& call, HttpResponder& responder) {
  FOOTNOTE_RETURN_IF_ERROR(Begin());  // an empty file brought no piece
  v1::ImportReport report;
  Status sent;
  FOOTNOTE_RETURN_IF_ERROR(session_->Finish(call, [&](const v1::ImportDocumentsResponse& response) {
    if (input_.wants_events) {
      if (sent.ok()) sent = SendEvent(response, responder);
    } else if (response.has_report()) {
      report = response.report();
    }
  }));
  if (input_.wants_events) return sent;
  return SendMessage(report, responder);
}

}  // namespace footnote::server
