// What the program says: results on stdout, for people or as one JSON object; everything else on stderr.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "base/json.h"

namespace assay::cli {

/// Beside those of verdicts (see exit_code): done, and bad input or could not run.
enum ExitCode : int { kDone = 0, kFailed = 2 };

/// Writes to stdout and flushes. Errors: kIo, such as a full disk behind it.
[[nodiscard]] Status write_stdout(std::string_view text);

/// Writes one line to stderr, made printable.
void write_stderr_line(std::string_view text);

/// While it lives, the library's progress is drawn as a bar on stderr; nothing is where `quiet` or stderr is
/// no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

 private:
  bool shown_;
};

/// The lines of a report, which are made printable when they are printed.
struct Lines {
  Lines(std::initializer_list<std::string> lines) : texts(lines) {}
  // Implicit, as the list above. NOLINTNEXTLINE(google-explicit-constructor)
  Lines(std::vector<std::string> lines) : texts(std::move(lines)) {}
  /// Its outcome comes in colour where stdout is a terminal and NO_COLOR is not set.
  explicit Lines(const Verdict& verdict) : texts(to_lines(verdict)), outcome(verdict.outcome()) {}

  std::vector<std::string> texts;
  std::optional<Outcome> outcome;  ///< that the first line begins with
};

/// The last part of a report, row by row.
struct Rows {
  std::string name;  ///< of the JSON array
  std::size_t count = 0;
  std::function<Json(std::size_t)> json;
  std::function<std::string(std::size_t)> line;  ///< none: rows are for machines alone
};

/// The face of one verb.
class Console {
 public:
  Console(std::string verb, bool json, bool quiet) : verb_(std::move(verb)), json_(json), quiet_(quiet) {}

  [[nodiscard]] bool json() const { return json_; }
  [[nodiscard]] bool quiet() const { return quiet_; }

  /// A remark on stderr, left out with --quiet.
  void note(std::string_view text) const;

  /// A remark that --quiet does not silence.
  void warn(std::string_view text) const;

  /// The result on stdout, in one of its two forms.
  [[nodiscard]] Result<int> report(const Json& json, const Lines& lines, int exit_code = kDone) const;

  /// The same with rows behind them, which are printed as they are made. `json` is an object with a field at
  /// least; `after` are the lines behind the rows.
  [[nodiscard]] Result<int> report(const Json& json, const Lines& lines, const Rows& rows, const Lines& after,
                                   int exit_code) const;

 private:
  std::string verb_;
  bool json_;
  bool quiet_;
};

}  // namespace assay::cli
