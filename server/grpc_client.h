// A client of another process's gRPC service: what `footnote ask|search --server ADDR` uses. No
// gRPC types here.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/call_context.h"
#include "common/status.h"
#include "footnote/v1/answers.pb.h"

namespace footnote::server {

namespace v1 = ::footnote::v1;

// Threads: calls may be made concurrently.
class GrpcClient {
 public:
  // Looks at the address only; the connection is made by the first call. Errors: INVALID_ARGUMENT
  // (not HOST:PORT of this machine: questions would go over a network in plain text).
  static StatusOr<std::unique_ptr<GrpcClient>> Connect(const std::string& address);
  ~GrpcClient();

  // Both end with CANCELLED or DEADLINE_EXCEEDED when `call` does, and then the server stops too.
  // Errors: those of Api, and UNAVAILABLE when no server answers.
  StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request, const CallContext& call);
  // `on_event` hears of each event on this thread, in order, the whole answer last; it may be
  // empty.
  StatusOr<v1::Answer> Ask(const v1::AskRequest& request, const CallContext& call,
                           const std::function<void(const v1::AskResponse&)>& on_event = {});
  StatusOr<v1::Answer> Summarize(const v1::SummarizeRequest& request, const CallContext& call);

 private:
  struct State;
  explicit GrpcClient(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace footnote::server
