// footnote bench generator: what a decoder does here, measured through the scheduler as the service
// uses it.
//
// Prefill, decoding and the time to a first token use made-up tokens, so they need no data and say
// nothing of answers; speculation is off for them. How much guessing gains depends on the text, so
// it is measured on prompts that are given, against the same prompts without it.
#pragma once

#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "server/commands/engine_bench_report.h"

namespace footnote::server {

// What BenchGenerator can measure with made-up tokens.
inline constexpr const char* kGeneratorMeasures[] = {"prefill", "decode", "first-token"};

struct GeneratorBenchOptions {
  BenchModelOptions model;
  std::vector<std::string> measures = {std::begin(kGeneratorMeasures),
                                       std::end(kGeneratorMeasures)};
  int prompt_tokens = 512;  // read at once; and of the prompts whose first token is timed
  int depth = 0;            // tokens before those whose decoding is timed; 0: one
  int new_tokens = 64;      // decoded and timed, each sequence
  int sequences = 1;        // decoded at once
  bool speculation = false;
  std::vector<std::filesystem::path> prompt_files;  // for speculation
};

Status BenchGenerator(const GeneratorBenchOptions& options);

}  // namespace footnote::server
