#include "kept_file.h"

#include <filesystem>

#include "base/file.h"
#include "base/try.h"

namespace assay::cli {

Result<pst::KeptQuotients> read_kept(const std::string& path, const claim::Commitment& commitment) {
  const Axes& axes = commitment.header.layout.axes;
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) return pst::KeptQuotients(axes);
  const Bytes bytes = ASSAY_TRY(read_file(path, pst::KeptQuotients::kMaxBytes));
  return pst::KeptQuotients::decode(bytes, axes, commitment.digest(), path);
}

Status write_kept(const std::string& path, const pst::KeptQuotients& kept,
                  const claim::Commitment& commitment) {
  return write_file(path, kept.encode(commitment.digest()));
}

}  // namespace assay::cli
