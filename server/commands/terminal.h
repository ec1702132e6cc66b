// What people see: progress on stderr, tables and wrapped text on stdout.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::server {

// A progress line that redraws itself on a terminal, and prints a line every few seconds elsewhere
// (logs, CI).
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // ends the line

  // share: 0…1. detail: "1,234 documents, 5,678 chunks".
  void Show(std::string_view label, double share, std::string_view detail);
  // Clears the bar.
  void Done();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_;
  std::chrono::steady_clock::time_point start_;
};

// 12345678 -> "12,345,678".
std::string WithThousands(int64_t value);
// 1536 -> "1.5 KiB".
std::string HumanBytes(int64_t bytes);

// Columns aligned, numbers to the right; the first row is the header.
std::string Table(const std::vector<std::vector<std::string>>& rows);

// Breaks at spaces so that no line is wider than `columns`; every line begins with `indent`.
std::string Wrap(std::string_view text, size_t columns, std::string_view indent);

}  // namespace footnote::server
