// Options that the commands share which embed or write a corpus: the embedder, threads, memory,
// what is shown meanwhile.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "common/memory.h"
#include "common/status.h"
#include "server/stack.h"

namespace footnote::server {

// --memory.
struct MemoryOption {
  std::string size;  // empty: half of what the machine has, or the least that works

  void AddTo(CLI::App& command);

  // The bound, with what this process holds now: call it when the models are loaded. From then on
  // the process gives back what it frees.
  // INVALID_ARGUMENT when that leaves too little to work with; says the least that works.
  StatusOr<MemoryBound> Read() const;
};

inline constexpr char kAutoPrecision[] = "auto";

// --precision of what embeds documents.
CLI::Option* AddPrecision(CLI::App& command, std::string& precision);

// By such a precision; "auto" is int8 where the model allows it, else fast, with a note on stderr.
StatusOr<LoadedEmbedder> LoadEmbedderForDocuments(const std::string& path,
                                                  const std::string& precision, int threads,
                                                  const std::string& device = "auto");

// --embedder, --precision, --device, --threads, --memory, --progress, --json.
struct EmbedOptions {
  std::string embedder;
  std::string precision = kAutoPrecision;
  int threads = 0;
  std::string device = "auto";
  MemoryOption memory;
  std::string progress = "bar";
  bool json = false;

  // --embedder is the caller's to explain.
  CLI::Option* AddTo(CLI::App& command, const std::string& embedder_help);

  StatusOr<LoadedEmbedder> Load() const;
};

}  // namespace footnote::server
