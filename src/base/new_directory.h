// Directories that do not stay where nothing came into them.
#pragma once

#include <filesystem>
#include <vector>

#include "assay/base.h"

namespace assay {

/// A directory for files that are written next, created with its parents. Destroyed, it removes those that it
/// created and that are still empty: where the files could not be written, nothing is left.
class NewDirectory {
 public:
  /// Errors: kIo.
  static Result<NewDirectory> create(const std::filesystem::path& path);
  NewDirectory(NewDirectory&&) noexcept = default;
  NewDirectory& operator=(NewDirectory&&) = delete;
  ~NewDirectory();

 private:
  NewDirectory() = default;
  std::vector<std::filesystem::path> created_;  // the innermost first
};

}  // namespace assay
