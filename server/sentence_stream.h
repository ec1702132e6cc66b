// Tokens in, whole sentences out: runs a generation on a thread of its own and hands sentences over
// as they are complete.
//
// A sentence is complete when another begins behind it, or when the generation ends. What comes out
// depends on the tokens only, never on timing. Threads: one consumer.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "common/call_context.h"
#include "common/status.h"
#include "generator/text_generator.h"

namespace footnote::server {

class SentenceStream {
 public:
  // Starts at once. `generator` outlives the stream.
  SentenceStream(generator::TextGenerator& generator, generator::GenerationRequest request,
                 const CallContext& call);
  // Stops the generation if it still runs, and waits for it.
  ~SentenceStream();
  SentenceStream(const SentenceStream&) = delete;
  SentenceStream& operator=(const SentenceStream&) = delete;

  struct Sentence {
    std::string text;  // without the white space around it
    int64_t tokens_so_far =
        0;  // generated when it was complete: does not depend on how fast the consumer is
    bool cut = false;  // the limit of tokens ended it, not the model
  };

  // The next sentence; nothing at the end. Blocks. Errors: those of TextGenerator::Generate.
  StatusOr<std::optional<Sentence>> Next();

  // Ends the generation early; Next then gives nothing more.
  void Stop();

  // After the end: tokens and times. Waits for the generation.
  const generator::GenerationResult& result();

 private:
  void Run(const generator::GenerationRequest& request, const CallContext& call);
  void Accept(generator::TokenId token);

  generator::TextGenerator& generator_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;  // bytes after the last complete sentence; the generating thread's own
  int64_t tokens_ = 0;   // the generating thread's own
  std::deque<Sentence> sentences_;
  bool finished_ = false;
  bool stopped_ = false;
  Status status_;
  generator::GenerationResult result_;
  std::thread thread_;
};

}  // namespace footnote::server
