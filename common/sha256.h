// SHA-256 (FIPS 180-4) by OpenSSL, the only file that knows it. Not part of the engine-only build.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote {

// Lower-case hex digest of `bytes`.
std::string Sha256Hex(std::string_view bytes);

// Lower-case hex digest of a file, read in pieces. Errors: those of opening and reading it.
StatusOr<std::string> Sha256HexOfFile(const std::filesystem::path& path);

// Digest of several pieces, one after the other.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::string_view bytes);
  // Ends the digest; call once.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace footnote
