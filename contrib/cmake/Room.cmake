# A room is one folder under src/ with one purpose: a static library postern_<room>, its front doors in
# include/postern/<room>/, and a floor. A room may use only rooms of a lower floor; this is checked here for what
# is linked and by tests/lint/floors_test for what is included.

add_library(postern_options INTERFACE)
target_compile_features(postern_options INTERFACE cxx_std_20)
target_compile_options(postern_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -fstack-protector-strong $<$<BOOL:${POSTERN_WERROR}>:-Werror>
  -ffunction-sections -fdata-sections)
# g++ 12 takes "text" + std::string for a copy that may overlap, under -O3 alone: GCC bug 105651, mended in 13.
target_compile_options(postern_options INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
target_compile_definitions(postern_options INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_link_options(postern_options INTERFACE -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed)
target_include_directories(postern_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
if(SANITIZE)
  # vptr: it asks the kernel by a pipe what memory there is, and takes a process without a free descriptor for broken.
  target_compile_options(postern_options INTERFACE
    -fsanitize=${SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_definitions(postern_options INTERFACE POSTERN_SANITIZED)
  target_link_options(postern_options INTERFACE -fsanitize=${SANITIZE})
endif()

# postern_room(<room> FLOOR <n> SOURCES <file>... [ROOMS <lower room>...] [LIBRARIES <target>...])
function(postern_room room)
  cmake_parse_arguments(R "" "FLOOR" "SOURCES;ROOMS;LIBRARIES" ${ARGN})
  set(target postern_${room})
  add_library(${target} STATIC ${R_SOURCES})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target} PUBLIC postern_options PRIVATE ${R_LIBRARIES})
  set_target_properties(${target} PROPERTIES POSTERN_FLOOR ${R_FLOOR})
  foreach(lower IN LISTS R_ROOMS)
    get_target_property(floor postern_${lower} POSTERN_FLOOR)
    if(NOT floor LESS R_FLOOR)
      message(FATAL_ERROR "room ${room} (floor ${R_FLOOR}) may not use ${lower} (floor ${floor}): includes go down only")
    endif()
    target_link_libraries(${target} PUBLIC postern_${lower})
  endforeach()
  file(GLOB doors CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/postern/${room}/*.h)
  target_sources(${target} PUBLIC FILE_SET doors TYPE HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${doors})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()
