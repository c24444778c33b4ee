#include "setup/kinds.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "assay/setup.h"
#include "base/try.h"
#include "setup/label.h"

namespace assay::setup {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Json fields_of(const Ceremony& ceremony) {
  Json contributions = Json::array();
  for (const Contribution& one : ceremony.contributions)
    contributions.push_back(one.name + (one.beacon ? " (beacon)" : ""));
  return {{"axes", ceremony.axes.sizes()},
          {"contributors", ceremony.contributors()},
          {"contributions", contributions},
          {"digest", to_hex(ceremony.digest())}};
}

Result<Json> read_transcript(const fs::path& path) { return fields_of(ASSAY_TRY(Ceremony::read(path))); }

Result<Json> read_powers(const fs::path& path) {
  const Powers powers = ASSAY_TRY(Powers::open(path));
  Json fields = fields_of(powers.ceremony());
  fields["powers"] = powers.points().size();
  return fields;
}

Result<Json> read_trust_list(const fs::path& path) {
  const TrustList list = ASSAY_TRY(TrustList::read(path));
  Json entries = Json::array();
  for (const TrustList::Entry& entry : list.entries())
    entries.push_back({{"digest", to_hex(entry.digest)}, {"label", entry.label}});
  return Json{{"trusted", list.entries().size()}, {"entries", entries}};
}

// The first line that is no comment begins with a digest.
bool is_trust_list(const Glance& glance) {
  std::string_view text = glance.head;
  while (text.starts_with('#') || text.starts_with('\n'))
    text.remove_prefix(std::min(text.size(), text.substr(0, text.find('\n')).size() + 1));
  return text.size() > internal::kDigestDigits && text[internal::kDigestDigits] == ' ' &&
         text.substr(0, internal::kDigestDigits).find_first_not_of("0123456789abcdefABCDEF") ==
             std::string_view::npos;
}

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "ASSAYCER", "transcript of a ceremony", read_transcript},
    FileKind{Mark::kBytes, "ASSAYPOW", "powers of a ceremony", read_powers},
    FileKind{Mark::kOther, "lines of a digest and a label", "trust list", read_trust_list, is_trust_list},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::setup
