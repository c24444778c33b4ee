// What happens when somebody stops the program.
#pragma once

#include <string_view>

namespace assay::cli {

/// SIGINT, SIGTERM, SIGHUP: unfinished files are removed, one line goes to stderr, exit code 2. SIGPIPE:
/// unfinished files are removed, and the program ends as one that writes to a closed pipe does.
void install_signal_handlers();

/// The verb that the line names.
void name_interrupted_verb(std::string_view verb);

/// While it lives, the first SIGINT or SIGTERM does not end the program: it makes a descriptor readable, for
/// a verb that waits for others and has something to say at its end. The second does as before.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// Readable once somebody asked; -1 where the system gave none, and signals end the program as before.
  [[nodiscard]] int descriptor() const { return reading_; }

 private:
  int reading_ = -1;
};

}  // namespace assay::cli
