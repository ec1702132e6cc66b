#include "server/metrics.h"

#include <gtest/gtest.h>

namespace footnote::server {
namespace {

TEST(Metrics, ShowsCallsAnswersAndValuesThatOthersKeep) {
  Metrics metrics;
  metrics.ObserveCall("grpc", "Ask", StatusCode::kOk, 0.3);
  metrics.ObserveCall("grpc", "Ask", StatusCode::kOk, 20);
  metrics.ObserveCall("http", "Search", StatusCode::kNotFound, 0.001);
  metrics.ObserveAnswer("answered", 1.5);
  metrics.ObserveAnswer("LOW_GROUNDING", 0);
  metrics.CountConnection("http", 1);
  metrics.CountConnection("http", 1);
  metrics.CountConnection("http", -1);
  double value = 3;
  metrics.AddGauge("footnote_calls_running", "Calls", "kind", "read", [&] { return value; });
  metrics.AddGauge("footnote_calls_running", "Calls", "kind", "write", [] { return 7; });
  metrics.AddCounter("footnote_generated_tokens_total", "Tokens", "", "", [] { return 12; });
  value = 4;
  const std::string text = metrics.Text();
  for (const char* line : {
           "footnote_calls_total{code=\"OK\",method=\"Ask\",protocol=\"grpc\"} 2\n",
           "footnote_calls_total{code=\"NOT_FOUND\",method=\"Search\",protocol=\"http\"} 1\n",
           "footnote_call_duration_seconds_bucket{method=\"Ask\",protocol=\"grpc\",le=\"0.5\"} 1\n",
           "footnote_call_duration_seconds_count{method=\"Ask\",protocol=\"grpc\"} 2\n",
           "footnote_answers_total{outcome=\"LOW_GROUNDING\"} 1\n",
           "footnote_first_sentence_seconds_count 1\n",  // an abstention has no first sentence
           "footnote_connections{protocol=\"http\"} 1\n",
           "# TYPE footnote_calls_running gauge\n",
           "footnote_calls_running{kind=\"read\"} 4\n",
           "footnote_calls_running{kind=\"write\"} 7\n",
           "# TYPE footnote_generated_tokens_total counter\n",
           "footnote_generated_tokens_total 12\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "is not in:\n" << text;
  }
}

}  // namespace
}  // namespace footnote::server
