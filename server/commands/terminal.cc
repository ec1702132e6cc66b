#include "server/commands/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace footnote::server {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr auto kLogEvery = std::chrono::seconds(10);

// Characters, not bytes: enough for the names and numbers that tables hold.
size_t Width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,-+%±x ") == std::string_view::npos;
}

}  // namespace

ProgressLine::ProgressLine()
    : terminal_(isatty(STDERR_FILENO) != 0), last_(Clock::now()), start_(last_) {}

ProgressLine::~ProgressLine() { Done(); }

void ProgressLine::Show(std::string_view label, double share, std::string_view detail) {
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(kRedrawEvery) : Clock::duration(kLogEvery)))
    return;
  last_ = now;
  share = std::clamp(share, 0.0, 1.0);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string left =
      share > 0.02
          ? ", " + std::to_string(static_cast<int>(seconds / share * (1 - share) + 0.5)) + " s left"
          : "";
  if (terminal_) {
    constexpr int kBar = 28;
    const int filled = static_cast<int>(share * kBar);
    std::fprintf(stderr, "\r\033[K%.*s [%s%s] %3d%%  %.*s%s", static_cast<int>(label.size()),
                 label.data(), std::string(static_cast<size_t>(filled), '#').c_str(),
                 std::string(static_cast<size_t>(kBar - filled), '.').c_str(),
                 static_cast<int>(share * 100), static_cast<int>(detail.size()), detail.data(),
                 left.c_str());
    std::fflush(stderr);
  } else {
    std::fprintf(stderr, "%.*s %3d%%  %.*s%s\n", static_cast<int>(label.size()), label.data(),
                 static_cast<int>(share * 100), static_cast<int>(detail.size()), detail.data(),
                 left.c_str());
  }
  shown_ = true;
}

void ProgressLine::Done() {
  if (shown_ && terminal_) std::fprintf(stderr, "\r\033[K");
  shown_ = false;
}

std::string WithThousands(int64_t value) {
  std::string digits = std::to_string(value);
  for (int i = static_cast<int>(digits.size()) - 3; i > (value < 0 ? 1 : 0); i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string HumanBytes(int64_t bytes) {
  static const char* const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = " ";
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      line += " " + (IsNumber(row[i]) ? padding + row[i] : row[i] + padding) + " ";
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string Wrap(std::string_view text, size_t columns, std::string_view indent) {
  std::string out;
  std::string line(indent);
  size_t width = Width(indent);
  bool empty = true;
  size_t at = 0;
  while (at < text.size()) {
    const size_t begin = text.find_first_not_of(" \n\t", at);
    if (begin == std::string_view::npos) break;
    size_t end = text.find_first_of(" \n\t", begin);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view word = text.substr(begin, end - begin);
    if (!empty && width + 1 + Width(word) > columns) {
      out += line + "\n";
      line = indent;
      width = Width(indent);
      empty = true;
    }
    if (!empty) {
      line += ' ';
      ++width;
    }
    line += word;
    width += Width(word);
    empty = false;
    at = end;
  }
  return empty ? out : out + line + "\n";
}

}  // namespace footnote::server
