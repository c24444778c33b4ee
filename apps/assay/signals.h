// What happens when somebody stops the program.
#pragma once

#include <string_view>

namespace assay::cli {

/// SIGINT, SIGTERM, SIGHUP: unfinished files are removed, one line goes to stderr, exit code 2. SIGPIPE:
/// unfinished files are removed, and the program ends as one that writes to a closed pipe does.
void install_signal_handlers();

/// The verb that the line names.
void name_interrupted_verb(std::string_view verb);

}  // namespace assay::cli
