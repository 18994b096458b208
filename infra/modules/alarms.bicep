// What watches the sweep from outside, by e-mail, so that Teams is not the only way. docs/operate.md has a runbook each.

@description('Region.')
param location string

@description('Region of the Sentinel workspace.')
param sentinelLocation string

@description('Tags.')
param tags object

@description('E-mail addresses.')
param emails array

@description('Hours without a sweep that ended clean or flagged. 0: no alarm about absence.')
@minValue(0)
@maxValue(47)
param absenceHours int

@description('Make the alarm that reads the Sentinel workspace: whoever makes it must be able to read that.')
param watchSentinel bool

@description('The workspace with the app\'s receipts.')
param logWorkspaceId string

@description('The workspace with the incidents.')
param sentinelWorkspaceResourceId string

// Without an absence alarm dry runs are looked for as far back as an alarm may.
var dryRunHours = absenceHours == 0 ? 47 : absenceHours
var absence = loadTextContent('../queries/alarm-absence.kql')
var trouble = loadTextContent('../queries/alarm-trouble.kql')
var dryRuns = loadTextContent('../queries/alarm-dry-runs.kql')
var unattended = loadTextContent('../queries/alarm-unattended.kql')

resource onCall 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-sweep'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'mail sweep'
    enabled: true
    emailReceivers: [for (address, index) in emails: {
      name: 'on-call-${index}'
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

module absenceAlarm 'alarm.bicep' = if (absenceHours > 0) {
  name: 'alarm-absence'
  params: {
    name: 'sweep-absence'
    location: location
    tags: tags
    title: 'Email remediation sweep: no sweep has ended well'
    whatToDo: 'No sweep has ended clean or flagged for ${absenceHours} hours: nobody is watching. See docs/operate.md, "Absence".'
    severity: 1
    workspaceId: logWorkspaceId
    query: replace(absence, '{hours}', string(absenceHours))
    measure: 'Ended'
    operator: 'LessThan'
    threshold: 1
    actionGroupId: onCall.id
  }
}

module troubleAlarm 'alarm.bicep' = {
  name: 'alarm-trouble'
  params: {
    name: 'sweep-trouble'
    location: location
    tags: tags
    title: 'Email remediation sweep: a sweep went wrong'
    whatToDo: 'A sweep failed, could not trust its data, left findings due, or has invalid settings. See docs/operate.md, "Trouble".'
    severity: 2
    workspaceId: logWorkspaceId
    query: trouble
    dimension: 'Trouble'
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

module dryRunsAlarm 'alarm.bicep' = {
  name: 'alarm-dry-runs'
  params: {
    name: 'sweep-dry-runs'
    location: location
    tags: tags
    title: 'Email remediation sweep: dry-run mode is on'
    whatToDo: 'Dry runs are all there has been for ${dryRunHours} hours: nothing is raised. See docs/operate.md, "Only dry runs".'
    severity: 2
    workspaceId: logWorkspaceId
    query: replace(dryRuns, '{hours}', string(dryRunHours))
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}

module unattendedAlarm 'alarm.bicep' = if (watchSentinel) {
  name: 'alarm-unattended'
  params: {
    name: 'sweep-unattended'
    location: sentinelLocation
    tags: tags
    title: 'Email remediation sweep: a High incident is unattended'
    whatToDo: 'A High incident of the sweep has stayed New and unowned for a day. See docs/operate.md, "Unattended".'
    severity: 1
    workspaceId: sentinelWorkspaceResourceId
    query: unattended
    // The table appears with the workspace's first incident, which this app may be the one to raise.
    tableMayBeMissing: true
    operator: 'GreaterThan'
    threshold: 0
    actionGroupId: onCall.id
  }
}
