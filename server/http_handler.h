// What answers HTTP requests: the server reads and writes bytes and knows no path.
//
// A request's head is looked at on the I/O thread, which decides what the request needs; the work
// itself is done on threads of Admission.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/call_context.h"
#include "common/status.h"
#include "server/admission.h"
#include "server/http_message.h"

namespace footnote::server {

// Where a call writes its answer: one reply, or any number of events. Once the client is gone, what
// is written goes nowhere, and the call's CallContext says CANCELLED. Used by one thread at a time.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;

  // The whole reply.
  virtual void Send(HttpReply reply) = 0;

  // A server-sent event; the first one begins the stream. `data` holds no line break. Waits a
  // little when the client is slower than the events; one that stays behind is dropped, and its
  // call cancelled.
  virtual void Event(std::string_view name, std::string_view data) = 0;

  // An error reply or, when events went out, the event "error". Ends the answer.
  virtual void Fail(const Status& status) = 0;
};

// One request that needs work. Methods are called in the order Accept*, Run, on one thread at a
// time. Destroyed without Run or Refused: the client went away.
class HttpCall {
 public:
  struct Needs {
    WorkKind kind = WorkKind::kRead;
    uint64_t body_limit_bytes = 0;  // a longer body is refused with 413
    bool body_in_pieces = false;    // Accept as the body comes, instead of once with all of it
  };

  virtual ~HttpCall() = default;
  virtual Needs needs() const = 0;

  // The next piece of the body, at most 1 MiB when it comes in pieces; not called for an empty
  // body. On a thread of Admission; quick. An error ends the request.
  virtual Status Accept(std::string piece) = 0;

  // Answers. On a thread of Admission.
  virtual void Run(const CallContext& call, HttpResponder& responder) = 0;

  // Run will not be called: the server refused the request, and answers it.
  virtual void Refused(StatusCode why) = 0;
};

// What a request's head asks for: something that is there, or work.
using HttpPlan = std::variant<HttpReply, std::shared_ptr<HttpCall>>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // On the I/O thread: quick, and never blocks.
  virtual HttpPlan Begin(const HttpRequest& head) = 0;
};

}  // namespace footnote::server
