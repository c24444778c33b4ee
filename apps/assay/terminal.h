// Progress for people: a bar on stderr, where that is a terminal.
#pragma once

namespace assay::cli {

/// While it lives, the library's progress is drawn; nothing is where `quiet` or stderr is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

 private:
  bool shown_;
};

}  // namespace assay::cli
