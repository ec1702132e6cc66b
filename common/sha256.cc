#include "common/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <vector>

namespace footnote {

// Only a machine out of memory makes these calls of OpenSSL fail, so failures are asserts' matter.
struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  [[maybe_unused]] const int done = EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr);
  assert(done == 1);
}

Sha256::~Sha256() = default;

void Sha256::Update(std::string_view bytes) {
  [[maybe_unused]] const int done = EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  assert(done == 1);
}

std::string Sha256::FinishHex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int length = 0;
  [[maybe_unused]] const int done = EVP_DigestFinal_ex(state_->context, digest.data(), &length);
  assert(done == 1);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * length);
  for (unsigned int i = 0; i < length; ++i) {
    hex.push_back(kDigits[digest[i] >> 4]);
    hex.push_back(kDigits[digest[i] & 15]);
  }
  return hex;
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 digest;
  digest.Update(bytes);
  return digest.FinishHex();
}

StatusOr<std::string> Sha256HexOfFile(const std::filesystem::path& path) {
  const auto error = [&](std::string_view what) {
    return ErrnoError(std::string(what) + " \"" + path.string() + "\"", errno);
  };
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return error("cannot open");
  const auto close = [](std::FILE* open_file) { std::fclose(open_file); };
  std::unique_ptr<std::FILE, decltype(close)> closer(file, close);
  Sha256 digest;
  std::vector<char> piece(1 << 20);
  for (;;) {
    const size_t got = std::fread(piece.data(), 1, piece.size(), file);
    digest.Update({piece.data(), got});
    if (got < piece.size()) break;
  }
  if (std::ferror(file) != 0) return error("cannot read");
  return digest.FinishHex();
}

}  // namespace footnote
