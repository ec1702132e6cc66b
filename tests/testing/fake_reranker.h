// A Reranker whose scores the test decides, and which remembers what it was asked.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/reranker.h"
#include "common/sha256.h"

namespace footnote::testing {

class FakeReranker : public Reranker {
 public:
  struct Call {
    std::string query;
    std::vector<std::string> texts;
  };

  explicit FakeReranker(double share = 0.5) : share_(share) {}

  // Of a text; by default a number between 0 and 1 that only the text decides.
  std::function<float(const std::string& text)> score = [](const std::string& text) {
    return static_cast<float>(std::stoi(Sha256Hex(text).substr(0, 4), nullptr, 16)) / 65536.0F;
  };
  // Before a call is answered; what is not OK is its answer.
  std::function<Status()> before = [] { return OkStatus(); };

  const std::string& name() const override { return name_; }
  const std::string& model_sha256() const override { return sha256_; }
  double share() const override { return share_; }
  StatusOr<std::vector<float>> Score(std::string_view query,
                                     std::span<const std::string_view> texts,
                                     const CallContext& /*call*/) const override {
    const std::lock_guard lock(mutex_);
    calls_.push_back({std::string(query), {texts.begin(), texts.end()}});
    FOOTNOTE_RETURN_IF_ERROR(before());
    std::vector<float> scores;
    for (const std::string& text : calls_.back().texts) scores.push_back(score(text));
    return scores;
  }

  // Since the last time.
  std::vector<Call> TakeCalls() const {
    const std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
  }

 private:
  double share_;
  std::string name_ = "fake";
  std::string sha256_ = "5eed";
  mutable std::mutex mutex_;
  mutable std::vector<Call> calls_;
};

}  // namespace footnote::testing
