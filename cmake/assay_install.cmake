# Three components: `runtime`, the command with its manual; `development`, headers, libraries and a CMake package (find_package(assay),
# then link assay::assay or one room); `wheel`, what goes into the Python wheel beside its pure modules.
include(CMakePackageConfigHelpers)
set(assay_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/assay)

install(TARGETS assay ${ASSAY_ROOM_TARGETS} EXPORT assay_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY include/assay DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT assay_targets NAMESPACE assay:: FILE assay-targets.cmake
  DESTINATION ${assay_package_dir} COMPONENT development)
configure_package_config_file(cmake/assay-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/assay-config.cmake
  INSTALL_DESTINATION ${assay_package_dir})
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/assay-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/assay-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/assay-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/Findsodium.cmake
  DESTINATION ${assay_package_dir} COMPONENT development)

if(ASSAY_CLI)
  install(TARGETS assay_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
  if(NOT CMAKE_CROSSCOMPILING)
    set(manual ${PROJECT_BINARY_DIR}/apps/assay/manual)
    install(DIRECTORY ${manual}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT runtime)
    install(FILES ${manual}/completions/assay.bash RENAME assay
      DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT runtime)
    install(FILES ${manual}/completions/_assay
      DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT runtime)
    install(FILES ${manual}/completions/assay.fish
      DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT runtime)
  endif()
  install(FILES LICENSE README.md SECURITY.md CHANGELOG.md
    DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
  install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime
    FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.svg")
endif()
if(ASSAY_PYTHON)
  install(TARGETS assay_python LIBRARY DESTINATION assay COMPONENT wheel)
  add_custom_target(assay_wheel DEPENDS assay_python)
  if(ASSAY_CLI AND SKBUILD)
    install(TARGETS assay_cli RUNTIME DESTINATION ${SKBUILD_SCRIPTS_DIR} COMPONENT wheel)
    add_dependencies(assay_wheel assay_cli)
  endif()
endif()
