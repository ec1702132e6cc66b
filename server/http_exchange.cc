#include "server/http_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace footnote::server {
namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string Chunk(std::string_view bytes) {
  std::array<char, 16> hex;
  const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), bytes.size(), 16).ptr;
  std::string chunk(hex.data(), end);
  chunk.append("\r\n").append(bytes).append("\r\n");
  return chunk;
}

}  // namespace

HttpExchange::HttpExchange(const Options& options, std::function<void()> wake)
    : options_(options), wake_(std::move(wake)), keep_alive_(options.keep_alive) {}

void HttpExchange::Send(HttpReply reply) {
  if (answered_ || streaming_) return;
  answered_ = true;
  std::string bytes = WriteHead(reply, HttpFraming::kLength, options_.version, keep_alive());
  bytes.append(reply.body);
  Push(std::move(bytes));
}

void HttpExchange::BeginStream() {
  streaming_ = true;
  HttpReply head;
  head.content_type = "text/event-stream";
  HttpFraming framing = HttpFraming::kChunked;
  if (options_.version == 10) {
    framing = HttpFraming::kClose;
    CloseAfter();
  }
  Push(WriteHead(head, framing, options_.version, keep_alive()));
}

void HttpExchange::Event(std::string_view name, std::string_view data) {
  if (answered_) return;
  if (!streaming_) BeginStream();
  std::string event = "event: ";
  event.append(name).append("\ndata: ").append(data).append("\n\n");
  Push(options_.version == 10 ? std::move(event) : Chunk(event));
}

void HttpExchange::Fail(const Status& status) {
  if (streaming_) {
    Event("error", ErrorJson(status, HttpStatusOf(status.code())));
    answered_ = true;
  } else {
    Send(ErrorReply(status));
  }
}

void HttpExchange::Finish() {
  if (!answered_ && !streaming_) {
    Send(
        ErrorReply(InternalError("the call ended without an answer; this is a bug of the server")));
  }
  if (streaming_ && options_.version != 10) Push(std::string(kLastChunk));
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_();
}

void HttpExchange::Push(std::string bytes) {
  bool cancel = false;
  {
    std::unique_lock lock(mutex_);
    const auto has_room = [&] {
      const size_t queued = outbox_.size() + in_flight_bytes_;
      return abandoned_ || queued == 0 || queued + bytes.size() <= options_.queue_bytes;
    };
    if (overflowed_) return;
    if (!has_room() && !room_.wait_for(lock, options_.patience, has_room)) {
      overflowed_ = true;
      outbox_ = std::string();
      cancel = true;
    }
    if (abandoned_) return;
    if (!cancel) {
      if (outbox_.empty()) {
        outbox_ = std::move(bytes);
      } else {
        outbox_.append(bytes);
      }
    }
  }
  // Outside of the lock: who hears of it may ask the exchange.
  if (cancel) stop_.request_stop();
  wake_();
}

std::string HttpExchange::Take() {
  const std::lock_guard lock(mutex_);
  in_flight_bytes_ += outbox_.size();
  return std::exchange(outbox_, {});
}

void HttpExchange::Written(size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ -= std::min(bytes, in_flight_bytes_);
  }
  room_.notify_one();
}

bool HttpExchange::finished() const {
  const std::lock_guard lock(mutex_);
  return finished_ && outbox_.empty();
}

bool HttpExchange::overflowed() const {
  const std::lock_guard lock(mutex_);
  return overflowed_;
}

bool HttpExchange::keep_alive() const {
  const std::lock_guard lock(mutex_);
  return keep_alive_;
}

void HttpExchange::CloseAfter() {
  const std::lock_guard lock(mutex_);
  keep_alive_ = false;
}

void HttpExchange::Abandon() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    outbox_ = std::string();
  }
  room_.notify_one();
  stop_.request_stop();
}

}  // namespace footnote::server
