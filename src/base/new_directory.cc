#include "base/new_directory.h"

#include <unistd.h>

#include <system_error>

#include "base/file.h"
#include "base/try.h"

namespace assay {

Result<NewDirectory> NewDirectory::create(const std::filesystem::path& path) {
  ASSAY_TRY(check_file_name(path));
  NewDirectory made;
  std::error_code failure;
  for (std::filesystem::path part = path; !part.empty(); part = part.parent_path()) {
    if (std::filesystem::exists(std::filesystem::symlink_status(part, failure))) break;
    made.created_.push_back(part);
  }
  ASSAY_TRY(make_directory(path));
  return made;
}

NewDirectory::~NewDirectory() {
  // The system refuses to remove what holds something.
  for (const std::filesystem::path& each : created_) ::rmdir(each.c_str());
}

}  // namespace assay
