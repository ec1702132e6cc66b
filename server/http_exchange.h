// The answer to one request, on its way from the thread that makes it to the one that sends it.
//
// A bounded queue of bytes: the work thread puts in, the I/O thread takes out. The queue holds what
// the kernel has not taken yet; a single reply or event may be larger than the bound, a second one
// then has to wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/call_context.h"
#include "server/http_handler.h"

namespace footnote::server {

class HttpExchange final : public HttpResponder {
 public:
  struct Options {
    int version = 11;  // of the request
    bool keep_alive = true;
    size_t queue_bytes = 0;
    // How long a full queue may stay full before the client counts as too slow.
    std::chrono::milliseconds patience{0};
  };
  // `wake` is called on the work thread when there is something for the I/O thread to look at.
  HttpExchange(const Options& options, std::function<void()> wake);

  // Work thread:
  CallContext call() const { return CallContext(stop_.get_token()); }
  void Send(HttpReply reply) override;
  void Event(std::string_view name, std::string_view data) override;
  void Fail(const Status& status) override;
  // The call is over. One that answered nothing is answered with an error.
  void Finish();

  // I/O thread:
  // What is to be sent next; the bytes count as queued until Written tells otherwise.
  std::string Take();
  void Written(size_t bytes);
  // All of the answer was taken.
  bool finished() const;
  // The client is too slow, and the answer has a hole: close the connection.
  bool overflowed() const;
  // Whether the connection can be used again after the answer.
  bool keep_alive() const;
  // The connection will not be used again. Replies that begin later say so.
  void CloseAfter();
  // The client is gone: the call is cancelled, and what it still writes is dropped.
  void Abandon();

 private:
  void Push(std::string bytes);
  void BeginStream();

  const Options options_;
  const std::function<void()> wake_;
  std::stop_source stop_;

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::string outbox_;
  size_t in_flight_bytes_ = 0;  // taken, not yet written
  bool keep_alive_;
  bool finished_ = false;
  bool overflowed_ = false;
  bool abandoned_ = false;

  // Of the work thread:
  bool answered_ = false;   // Send or Fail was called
  bool streaming_ = false;  // an event went out
};

}  // namespace footnote::server
